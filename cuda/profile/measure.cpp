#include <algorithm>
#include <chrono>
#include <functional>
#include <random>

#include "cuda/attend/launch.hpp"
#include "cuda/attend_backward/launch.hpp"
#include "cuda/buffer.hpp"
#include "cuda/device.hpp"
#include "cuda/device_attention.hpp"
#include "cuda/mask_backward/launch.hpp"
#include "cuda/pool/launch.hpp"
#include "cuda/profile/matrix_product.hpp"
#include "cuda/profile/profile.hpp"
#include "cuda/select/launch.hpp"
#include "cuda/timer.hpp"
#include "cuda/transpose/launch.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

double keys_per_query(const Levels& levels) {
  if (levels.levels == 0) return levels.level[0].keys;
  const auto children = [&](int l) {
    return std::min<double>(levels.level[l].width * static_cast<double>(levels.block_size), levels.level[l - 1].keys);
  };
  double keys = children(1);
  for (int l = 1; l <= levels.enrichment_levels; ++l)
    keys += l == levels.levels ? levels.level[l].keys : children(l + 1);
  return keys;
}

std::string describe_device() {
  const DeviceInfo info = device_info();
  const auto version = [](int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
  };
  if (info.driver_version == 0) return info.name;
  return info.name + ", compute capability " + std::to_string(info.compute_major) + "." +
         std::to_string(info.compute_minor) + ", driver for CUDA " + version(info.driver_version) + ", runtime " +
         version(info.runtime_version);
}

double median(const std::vector<ProfileRun>& runs) {
  std::vector<double> seconds;
  for (const ProfileRun& run : runs) seconds.push_back(run.seconds);
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return std::max(*middle, 1e-12);
}

class Stopwatch {
 public:
  Stopwatch(const ProfileRequest& request, Stream stream)
      : request_(&request), stream_(stream), timer_(stream), flush_(request.flush_bytes) {}

  /// `stage` comes with its names and sizes.
  StageProfile time(StageProfile stage, const std::function<void()>& run) {
    request_->on_stage(stage.method + " " + stage.pass + ", " + stage.stage);
    stage.warm = measure(run, false);
    stage.flushed = measure(run, true);
    return stage;
  }
  double copy_bytes_per_second() {
    request_->on_stage("copy");
    const std::size_t half = flush_.bytes() / 2;
    return 2.0 * static_cast<double>(half) /
           median(measure([&] { copy_on_device(flush_.data() + half, flush_.data(), half, stream_); }, false));
  }
  double rate(const MatrixProduct& product, const ProductShape& shape, const void* d_a, const void* d_b, void* d_c) {
    const double flops = 2.0 * static_cast<double>(shape.batch * shape.m) * static_cast<double>(shape.n * shape.k);
    return flops / median(measure([&] { product.run(d_a, d_b, d_c, stream_); }, false));
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// What is queued before a timed run, the same run or the flush, also hides how long the host takes to launch.
  std::vector<ProfileRun> measure(const std::function<void()>& run, bool flush) {
    run();
    std::vector<ProfileRun> runs;
    for (int i = 0; i < request_->repetitions; ++i) {
      if (flush)
        fill_device(flush_.data(), static_cast<unsigned char>(i), flush_.bytes(), stream_);
      else
        run();
      const double begin = std::chrono::duration<double>(Clock::now() - start_).count();
      timer_.start();
      run();
      runs.push_back({begin, timer_.stop()});
    }
    return runs;
  }

  const ProfileRequest* request_;
  Stream stream_;
  Timer timer_;
  Buffer<std::byte> flush_;
  Clock::time_point start_ = Clock::now();
};

template <class T>
Buffer<T> random_tokens(std::int64_t count, std::uint64_t seed, Stream stream) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(normal(random));
  Buffer<T> buffer = upload(std::span<const T>(values), stream);
  synchronize(stream);
  return buffer;
}

/// Memory for one problem, and its stages as things to time.
template <class T>
class Subject {
 public:
  Subject(const ProfileRequest& request, const Options& options, const T* d_tokens, Stream stream)
      : stream_(stream), shape_{1, request.heads, request.tokens, request.head_dim} {
    const std::int64_t count = shape_.size();
    problem_ = make_problem<T>(resolve(options, shape_, shape_, shape_), shape_, shape_);
    problem_.d_query = d_tokens, problem_.d_key = d_tokens + count, problem_.d_value = d_tokens + 2 * count;
    for (Buffer<T>* buffer : {&output_, &query_, &key_, &value_}) *buffer = Buffer<T>(static_cast<std::size_t>(count));
    lse_ = Buffer<float>(static_cast<std::size_t>(request.heads * request.tokens));
    saved_ = Buffer<std::byte>(saved_bytes(problem_));
    workspace_ = Buffer<std::byte>(std::max(forward_workspace(problem_), backward_workspace(problem_)));
  }

  void run_forward() {
    forward<T>({.problem = problem_,
                .d_output = output_.data(),
                .d_lse = lse_.data(),
                .d_saved = saved_.data(),
                .d_workspace = workspace_.data(),
                .workspace_bytes = workspace_.bytes()},
               stream_);
  }
  void run_backward() {
    backward<T>({.problem = problem_,
                 .d_output = output_.data(),
                 .d_lse = lse_.data(),
                 .d_output_gradient = problem_.d_value,
                 .d_query_gradient = query_.data(),
                 .d_key_gradient = key_.data(),
                 .d_value_gradient = value_.data(),
                 .d_saved = saved_.data(),
                 .d_workspace = workspace_.data(),
                 .workspace_bytes = workspace_.bytes()},
                stream_);
  }

  std::size_t working_bytes() const { return saved_.bytes() + workspace_.bytes(); }
  double tokens_bytes() const { return static_cast<double>(shape_.size()) * sizeof(T); }
  double attend_flops() const { return 4.0 * static_cast<double>(shape_.size()) * keys_per_query(problem_.levels); }
  const Levels& levels() const { return problem_.levels; }

  /// The stages one by one, after a forward pass has filled what they read.
  void time_stages(Stopwatch& watch, bool with_mask, std::vector<StageProfile>& into) {
    const Levels& levels = problem_.levels;
    const auto dim = problem_.head_dim;
    Buffer<float> query(static_cast<std::size_t>(levels.query_rows * dim)),
        key(static_cast<std::size_t>(levels.key_rows * dim));
    Buffer<T> coarse_key(static_cast<std::size_t>(levels.key_rows * dim)),
        coarse_value(static_cast<std::size_t>(levels.key_rows * dim));
    Buffer<std::int32_t> lists(static_cast<std::size_t>(levels.list_entries)),
        indices(static_cast<std::size_t>(levels.list_entries));
    Buffer<std::int64_t> offsets(static_cast<std::size_t>(levels.offset_entries));
    const PoolParams<T> pool_params{levels,
                                    {{problem_.d_query, dim, true, query.data(), nullptr},
                                     {problem_.d_key, dim, false, key.data(), coarse_key.data()},
                                     {problem_.d_value, dim, false, nullptr, coarse_value.data()}}};
    const Buffer<std::byte> pool_memory(pool_workspace(pool_params)), transpose_memory(transpose_workspace(levels));
    AttendProblem<T> problem = problem_;
    problem.d_coarse_key = coarse_key.data(), problem.d_coarse_value = coarse_value.data(),
    problem.d_lists = lists.data();
    const AttendBackwardParams<T> gradient{problem,     output_.data(), lse_.data(),    problem.d_value,
                                           nullptr,     offsets.data(), indices.data(), query_.data(),
                                           key_.data(), value_.data()};
    const Buffer<std::byte> gradient_memory(attend_backward_workspace(levels, dim, dim));
    double scores = 0;
    for (int l = 1; l <= levels.levels; ++l)
      scores += static_cast<double>(levels.level[l].queries) * static_cast<double>(levels.heads) *
                (l == levels.levels ? levels.level[l].keys
                                    : levels.level[l + 1].width * static_cast<double>(levels.block_size));
    const double rows = static_cast<double>(levels.query_rows + levels.key_rows) * dim * sizeof(float);
    const double entries = static_cast<double>(levels.list_entries) * 4;
    into.push_back(watch.time(
        {"llsa", "forward", "pool", {}, {}, 3.0 * static_cast<double>(shape_.size()), 3 * tokens_bytes() + rows},
        [&] { pool(pool_params, pool_memory.data(), pool_memory.bytes(), stream_); }));
    into.push_back(watch.time({"llsa", "forward", "select", {}, {}, 2 * scores * dim, rows + entries}, [&] {
      select({levels, query.data(), key.data(), dim, lists.data()}, stream_);
    }));
    into.push_back(watch.time({"llsa", "forward", "attend", {}, {}, attend_flops(), 4 * tokens_bytes()}, [&] {
      attend<T>({problem, output_.data(), lse_.data()}, stream_);
    }));
    into.push_back(watch.time({"llsa", "backward", "transpose", {}, {}, 0, 2 * entries}, [&] {
      transpose({levels, lists.data(), offsets.data(), indices.data()}, transpose_memory.data(),
                transpose_memory.bytes(), stream_);
    }));
    into.push_back(
        watch.time({"llsa", "backward", "attend_backward", {}, {}, 2.5 * attend_flops(), 8 * tokens_bytes()},
                   [&] { attend_backward(gradient, gradient_memory.data(), gradient_memory.bytes(), stream_); }));
    if (!with_mask) return;
    const Buffer<std::byte> mask_memory(mask_backward_workspace(levels, dim, dim));
    into.push_back(watch.time(
        {"llsa+mask-backward", "backward", "attend_backward", {}, {}, 2.5 * attend_flops(), 8 * tokens_bytes()},
        [&] { mask_backward(gradient, mask_memory.data(), mask_memory.bytes(), stream_); }));
  }

 private:
  Stream stream_;
  Shape shape_;
  AttendProblem<T> problem_;
  Buffer<T> output_, query_, key_, value_;
  Buffer<float> lse_;
  Buffer<std::byte> saved_, workspace_;
};

template <class T>
void time_passes(const char* method, Subject<T>& subject, Stopwatch& watch, std::vector<StageProfile>& into) {
  const double flops = subject.attend_flops(), bytes = subject.tokens_bytes();
  into.push_back(watch.time({method, "forward", "total", {}, {}, flops, 4 * bytes}, [&] { subject.run_forward(); }));
  into.push_back(
      watch.time({method, "backward", "total", {}, {}, 2.5 * flops, 8 * bytes}, [&] { subject.run_backward(); }));
}

/// The two products of attention for as many keys as a query attends to. More queries than this measure nothing new.
template <class T>
void time_products(const ProfileRequest& request, Stopwatch& watch, Stream stream, ProfileReport& report) {
  request.on_stage("cuBLASLt");
  const std::int64_t rows = std::min<std::int64_t>(request.tokens, 16384), dim = request.head_dim;
  const std::int64_t keys = (static_cast<std::int64_t>(report.keys_per_query) + 15) / 16 * 16;  // a common alignment
  const ProductShape scores{request.dtype, request.heads, rows, keys, dim, true};
  const ProductShape values{request.dtype, request.heads, rows, dim, keys, false};
  try {
    const MatrixProduct score_product(scores), value_product(values);
    const auto query = random_tokens<T>(request.heads * rows * dim, 2, stream);
    const auto key = random_tokens<T>(request.heads * keys * dim, 3, stream);
    const Buffer<T> probability(static_cast<std::size_t>(request.heads * rows * keys)), output(query.size());
    report.score_flops_per_second = watch.rate(score_product, scores, query.data(), key.data(), probability.data());
    report.value_flops_per_second = watch.rate(value_product, values, probability.data(), key.data(), output.data());
  } catch (const Error& error) {
    report.product_missing = error.what();
  }
}

template <class T>
ProfileReport run(const ProfileRequest& request, Stream stream) {
  const Buffer<T> tokens = random_tokens<T>(3 * request.heads * request.tokens * request.head_dim, 1, stream);
  Stopwatch watch(request, stream);
  Subject<T> subject(request, request.options, tokens.data(), stream);
  ProfileReport report{.device = describe_device(),
                       .levels = subject.levels().levels,
                       .keys_per_query = keys_per_query(subject.levels()),
                       .working_bytes = static_cast<std::int64_t>(subject.working_bytes()),
                       .copy_bytes_per_second = watch.copy_bytes_per_second(),
                       .product_missing = {},
                       .stages = {}};
  time_products<T>(request, watch, stream, report);
  const bool quadratic = request.tokens <= request.quadratic_limit;
  subject.run_forward();
  if (subject.levels().levels > 0) subject.time_stages(watch, quadratic, report.stages);
  time_passes("llsa", subject, watch, report.stages);
  if (quadratic) {
    Subject<T> dense(request, {.levels = 0, .scale = request.options.scale}, tokens.data(), stream);
    time_passes("dense", dense, watch, report.stages);
  }
  return report;
}

ProfileReport profile_on(const ProfileRequest& request, Stream stream) {
  require_device();
  if (request.repetitions < 1)
    throw Error("repetitions is " + std::to_string(request.repetitions) + "; it must be at least 1");
  switch (request.dtype) {
    case DType::f32:
      return run<float>(request, stream);
    case DType::f16:
      return run<half>(request, stream);
    case DType::bf16:
      return run<bfloat16>(request, stream);
    case DType::f64:
      break;
  }
  throw Error("precision is f64; cuda stores f32, f16 or bf16");
}

}  // namespace
}  // namespace llsa::cuda::inline LLSA_WORLD

namespace llsa::cuda {

#if defined(LLSA_SIMT)
ProfileReport profile_on_cpu(const ProfileRequest& request, int os_threads) {
  return profile_on(request, Stream{{.os_threads = os_threads}});
}
#else
ProfileReport profile(const ProfileRequest& request) { return profile_on(request, Stream{}); }
#endif

}  // namespace llsa::cuda
