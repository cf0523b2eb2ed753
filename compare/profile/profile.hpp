#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/options.hpp"

namespace llsa::compare::profile {

/// What `llsa-compare profile` measures.
struct ProfileRequest {
  std::string backend = "reference";
  DType precision = DType::f32;           ///< storage type
  int threads = 0;                        ///< 0 takes every core
  std::vector<std::string> methods = {};  ///< of `llsa/method.hpp`, timed beside "llsa" and "dense"
  std::vector<std::int64_t> tokens = {1024, 4096, 16384, 65536};
  std::int64_t heads = 1, head_dim = 64;
  int repetitions = 5;
  std::int64_t dense_limit = 16384;  ///< dense attention is timed up to this many tokens
  Options options = {};
};

/// The same problem for dense attention: no levels, the same scale.
Options dense_counterpart(const Options& options);

/// Throws `Error` that names the argument, its value and what is allowed.
void validate(const ProfileRequest& request);

/// One timed call, in seconds; `begin` counts from the start of the profile.
struct ProfileSample {
  double begin = 0, wall = 0, cpu = 0;  ///< cpu is the whole process's, all threads together
};

/// All repetitions of one thing at one size. Methods: "llsa", "dense", and those asked for. Passes: "forward",
/// "backward". Stages: "total" (the pass as `Attention` runs it), and for LLSA by the reference and on CUDA "pool",
/// "select", "attend" or "transpose", "attend_backward". CUDA backends add the method "llsa+mask-backward", and
/// "<stage>, L2 flushed" to every stage.
struct ProfileSeries {
  std::string method = {}, pass = {}, stage = {};
  std::int64_t tokens = 0;
  std::vector<ProfileSample> samples = {};
  /// What the task asks for, every array counted once, whatever the kernels do; 0 where it is not known.
  double flops = 0, bytes = 0;

  std::vector<double> seconds() const;
  /// "reference/llsa/forward/total/65536".
  std::string name(const std::string& backend) const;
};

/// What a device reaches at most: rates of NVIDIA's own code.
struct DeviceCeilings {
  double copy_bytes_per_second = 0;  ///< a copy within the device, read and write counted
  /// cuBLASLt's products with the extents of Q K^T and P V; 0 where `product_missing` says why.
  double score_flops_per_second = 0, value_flops_per_second = 0;
  std::string product_missing = {};
};

/// What belongs to one size besides times.
struct ProfileSize {
  std::int64_t tokens = 0;
  int levels = 0;
  double keys_per_query = 0;
  /// The most memory that one forward and one backward pass of LLSA held beyond inputs and outputs, and the size of Q,
  /// K and V together. Empty where the system does not tell.
  std::optional<std::int64_t> working_bytes = {};
  std::int64_t input_bytes = 0;
  std::optional<DeviceCeilings> ceilings = {};
};

struct Profile {
  ProfileRequest request = {};
  int threads = 0;          ///< that really ran
  std::string device = {};  ///< what the CUDA backends ran on, in words
  std::vector<ProfileSize> sizes = {};
  std::vector<ProfileSeries> series = {};

  /// Null when it was not measured.
  const ProfileSeries* find(std::string_view method, std::string_view pass, std::string_view stage,
                            std::int64_t tokens) const;
};

/// Measures. For each size, after one run to warm up (and to watch the memory), the repetitions of everything take
/// turns, so that a change of the machine's speed meets all alike. Q, K, V and dO are seeded random numbers. `progress`
/// is told what comes next. The CUDA backends are timed stage by stage on tensors that lie on the device, with CUDA
/// events (see cuda/profile/profile.hpp); the others by the clock, through the common interface. Throws `Error` for a
/// bad request, `Cancelled` soon after `stop` is requested.
Profile measure_profile(const ProfileRequest& request, std::stop_token stop,
                        const std::function<void(const std::string&)>& progress);

}  // namespace llsa::compare::profile
