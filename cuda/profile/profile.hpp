#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "llsa/dtype.hpp"
#include "llsa/options.hpp"

namespace llsa::cuda {

/// What to time: self-attention on random tokens that lie on the device already.
struct ProfileRequest {
  DType dtype = DType::bf16;  ///< f32, f16 or bf16
  std::int64_t tokens = 65536, heads = 6;
  std::int64_t head_dim = 64;  ///< a multiple of 8 up to 256
  Options options = {};
  int repetitions = 20;
  /// Dense attention and the mask-based backward are timed up to this many tokens.
  std::int64_t quadratic_limit = 16384;
  std::size_t flush_bytes = std::size_t{256} << 20;  ///< written between runs to empty the L2 cache
  /// Told what is timed next; may throw to stop.
  std::function<void(const std::string&)> on_stage = [](const std::string&) {};
};

/// One timed run, in seconds: CUDA events around it, and when the host began it, from the start of the profile.
struct ProfileRun {
  double begin = 0, seconds = 0;
};

/// One stage or pass, named as `llsa-compare profile` names them. `flops` and `bytes` are what the task asks for (every
/// array once), not what the kernels do, so rates can be held against the device's ceilings.
struct StageProfile {
  std::string method;                     ///< "llsa", "llsa+mask-backward" or "dense" (the same kernels without levels)
  std::string pass;                       ///< "forward" or "backward"
  std::string stage;                      ///< "pool", "select", "attend", "transpose", "attend_backward" or "total"
  std::vector<ProfileRun> warm, flushed;  ///< with what the last run left in L2; after writing `flush_bytes`
  double flops = 0, bytes = 0;
};

struct ProfileReport {
  std::string device;  ///< name, compute capability, driver and runtime version
  int levels = 0;
  double keys_per_query = 0;
  std::int64_t working_bytes = 0;    ///< what forward saves for backward, and the larger workspace
  double copy_bytes_per_second = 0;  ///< a device-to-device copy, read and write counted: the ceiling for memory
  /// cuBLASLt's batched products with the extents of Q K^T and P V, for as many keys as a query attends to: the ceiling
  /// for arithmetic. 0 where `product_missing` says why.
  double score_flops_per_second = 0, value_flops_per_second = 0;
  std::string product_missing;
  std::vector<StageProfile> stages;
};

/// Times on the current device (library llsa::cuda_profile). Throws `Error` when the request is out of range or nothing
/// can run there.
ProfileReport profile(const ProfileRequest& request);
/// The same on the executor (library llsa::cuda_profile_on_cpu): it shows that the profile works; its times say nothing
/// of a GPU.
ProfileReport profile_on_cpu(const ProfileRequest& request, int os_threads = 1);

}  // namespace llsa::cuda
