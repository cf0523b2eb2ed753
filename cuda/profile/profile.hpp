#pragma once

#include <string>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/stream.hpp"
#include "llsa/dtype.hpp"
#include "llsa/options.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// What to time: self-attention on random tokens that lie on the device already.
struct ProfileRequest {
  DType dtype = DType::bf16;  ///< f32, f16 or bf16
  std::int64_t tokens = 65536, heads = 6, head_dim = 64;
  Options options = {};
  int repetitions = 20;
  std::int64_t quadratic_limit =
      16384;  ///< dense attention and the mask-based backward are timed up to this many tokens
  std::size_t flush_bytes = std::size_t{256} << 20;  ///< written between runs to empty the L2 cache
};

/// Seconds. `spread` is half the interquartile range.
struct Duration {
  double median = 0, spread = 0;
};

/// One stage, or several under one name. `flops` and `bytes` are what the task asks for (every array once), not what
/// the kernels do, so rates can be held against the device's ceilings.
struct StageProfile {
  std::string name;
  Duration warm, flushed;
  double flops = 0, bytes = 0;
};

struct ProfileReport {
  ProfileRequest request;
  DeviceInfo device;
  int levels = 0;
  double keys_per_query = 0;
  double copy_bytes_per_second = 0;  ///< a device-to-device copy, read and write counted: the ceiling for memory
  std::vector<StageProfile> stages;  ///< pool, select, attend, transpose, attend_backward; forward, backward; dense ...
};

/// Throws `Error` when the request is out of range or nothing can run here.
ProfileReport profile(const ProfileRequest& request, Stream stream);

std::string to_markdown(const ProfileReport& report);
std::string to_json(const ProfileReport& report);

}  // namespace llsa::cuda::inline LLSA_WORLD
