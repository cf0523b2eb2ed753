#include "compare/profile/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cuda/profile/profile.hpp"
#include "llsa/error.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::profile {
namespace {

cuda::ProfileReport measure(const std::string& backend, const cuda::ProfileRequest& request, int threads) {
#if defined(LLSA_HAVE_CUDA)
  if (backend == "cuda") return cuda::profile(request);
#endif
#if defined(LLSA_HAVE_CUDA_ON_CPU)
  if (backend == "cuda-on-cpu") return cuda::profile_on_cpu(request, threads);
#endif
  throw Error(fmt::format("backend '{}' on {} threads has no profile for {} tokens", backend, threads, request.tokens));
}

void append(Profile& profile, const cuda::StageProfile& stage, std::int64_t tokens, double begin, bool flushed) {
  ProfileSeries series{.method = stage.method,
                       .pass = stage.pass,
                       .stage = stage.stage + (flushed ? ", L2 flushed" : ""),
                       .tokens = tokens,
                       .flops = stage.flops,
                       .bytes = stage.bytes};
  for (const cuda::ProfileRun& run : flushed ? stage.flushed : stage.warm)
    series.samples.push_back({begin + run.begin, run.seconds, 0});
  profile.series.push_back(std::move(series));
}

}  // namespace

bool measures_on_device([[maybe_unused]] std::string_view backend) {
#if defined(LLSA_HAVE_CUDA)
  if (backend == "cuda") return true;
#endif
#if defined(LLSA_HAVE_CUDA_ON_CPU)
  if (backend == "cuda-on-cpu") return true;
#endif
  return false;
}

void measure_on_device(Profile& profile, const std::stop_token& stop,
                       const std::function<void(const std::string&)>& progress) {
  using Clock = std::chrono::steady_clock;
  const ProfileRequest& request = profile.request;
  const bool on_cpu = request.backend == "cuda-on-cpu";
  profile.threads = on_cpu ? ThreadPool(request.threads).threads() : 1;
  const auto start = Clock::now();
  for (const std::int64_t tokens : request.tokens) {
    const cuda::ProfileRequest each{.dtype = request.precision,
                                    .tokens = tokens,
                                    .heads = request.heads,
                                    .head_dim = request.head_dim,
                                    .options = request.options,
                                    .repetitions = request.repetitions,
                                    .quadratic_limit = request.dense_limit,
                                    // Larger than any L2 there is; the executor has none.
                                    .flush_bytes = std::size_t{on_cpu ? 1u : 512u} << 20,
                                    .on_stage = [&](const std::string& stage) {
                                      if (stop.stop_requested()) throw Cancelled();
                                      progress(fmt::format("{} tokens: {}", tokens, stage));
                                    }};
    const double begin = std::chrono::duration<double>(Clock::now() - start).count();
    const cuda::ProfileReport report = measure(request.backend, each, profile.threads);
    profile.device = report.device;
    profile.sizes.push_back({.tokens = tokens,
                             .levels = report.levels,
                             .keys_per_query = report.keys_per_query,
                             .working_bytes = report.working_bytes,
                             .input_bytes = 3 * tokens * request.heads * request.head_dim *
                                            static_cast<std::int64_t>(size_of(request.precision)),
                             .ceilings = DeviceCeilings{report.copy_bytes_per_second, report.score_flops_per_second,
                                                        report.value_flops_per_second, report.product_missing}});
    for (const cuda::StageProfile& stage : report.stages)
      for (const bool flushed : {false, true}) append(profile, stage, tokens, begin, flushed);
  }
}

}  // namespace llsa::compare::profile
