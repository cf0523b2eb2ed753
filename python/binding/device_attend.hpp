#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "llsa/options.hpp"
#include "llsa/tensor.hpp"

namespace pyllsa {

/// One problem on a device as Python hands it over: contiguous arrays `[heads, tokens, dim]`, heads counted over the
/// whole batch, as many for keys as for queries; dims that are multiples of 8. Compiled for one world (cuda/world.hpp).
struct DeviceProblem {
  llsa::DType dtype = llsa::DType::f32;
  llsa::Options options;  ///< `levels` and `scale` are set
  std::int64_t heads = 0, queries = 0, keys = 0, dim = 0, value_dim = 0;
};

/// What a problem needs of device memory, in bytes, and the width of a list of each level, level 1 first. The lists are
/// int32 at the beginning of `saved`: level 1 first, each `[heads, T_l, width]`.
struct DeviceSizes {
  std::size_t saved = 0, workspace = 0;  ///< the workspace serves either pass
  std::vector<std::int64_t> widths;
};
DeviceSizes device_sizes(const DeviceProblem& problem);

/// Device addresses; `lse_gradient` may be 0.
struct DeviceForward {
  std::uintptr_t query, key, value, output, lse, saved, workspace;
};
struct DeviceBackward {
  std::uintptr_t query, key, value, output, lse, saved, workspace;
  std::uintptr_t output_gradient, lse_gradient, query_gradient, key_gradient, value_gradient;
};

/// Queued on `stream` (a `cudaStream_t`); nothing waits. With `given` the lists in `saved` are attended to, and must be
/// valid. Throws `llsa::Error` as `cuda::forward`.
void device_forward(const DeviceProblem& problem, const DeviceForward& memory, std::size_t workspace_bytes, bool given,
                    std::uintptr_t stream);
/// `saved` needs nothing but the lists.
void device_backward(const DeviceProblem& problem, const DeviceBackward& memory, std::size_t workspace_bytes,
                     std::uintptr_t stream);

/// Why nothing can run here, in one line, or an empty string.
std::string device_unavailable();

}  // namespace pyllsa
