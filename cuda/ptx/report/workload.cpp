#include "cuda/ptx/report/workload.hpp"

#include <random>
#include <vector>

#include "cuda/buffer.hpp"
#include "cuda/device_attention.hpp"
#include "cuda/ptx/runtime/kernels.hpp"
#include "cuda/ptx/settings.hpp"
#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

template <class T>
cuda::Buffer<T> random_tokens(std::int64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> values(static_cast<std::size_t>(count));
  // Uniform in [-2, 2), the same on every host.
  for (T& value : values) value = static_cast<T>(static_cast<float>(random() >> 40) * 0x1p-22f - 2.0f);
  return cuda::upload(std::span<const T>(values), cuda::Stream{});
}

template <class T>
void run(const Workload& w) {
  const Shape shape{1, w.heads, w.tokens, w.head_dim};
  const std::int64_t count = shape.size();
  const Options options{.block_size = w.block_size, .levels = w.levels, .top_k = {w.top_k}};
  const auto query = random_tokens<T>(count, 1), key = random_tokens<T>(count, 2), value = random_tokens<T>(count, 3),
             output_gradient = random_tokens<T>(count, 4);
  auto problem = cuda::make_problem<T>(resolve(options, shape, shape, shape), shape, shape);
  problem.d_query = query.data(), problem.d_key = key.data(), problem.d_value = value.data();
  const auto tokens = static_cast<std::size_t>(count);
  const cuda::Buffer<T> output(tokens), query_gradient(tokens), key_gradient(tokens), value_gradient(tokens);
  const cuda::Buffer<float> lse(static_cast<std::size_t>(w.heads * w.tokens));
  const cuda::Buffer<std::byte> saved(cuda::saved_bytes(problem)),
      workspace(std::max(cuda::forward_workspace(problem), cuda::backward_workspace(problem)));
  cuda::forward<T>({.problem = problem,
                    .d_output = output.data(),
                    .d_lse = lse.data(),
                    .d_saved = saved.data(),
                    .d_workspace = workspace.data(),
                    .workspace_bytes = workspace.bytes()},
                   cuda::Stream{});
  cuda::backward<T>({.problem = problem,
                     .d_output = output.data(),
                     .d_lse = lse.data(),
                     .d_output_gradient = output_gradient.data(),
                     .d_query_gradient = query_gradient.data(),
                     .d_key_gradient = key_gradient.data(),
                     .d_value_gradient = value_gradient.data(),
                     .d_saved = saved.data(),
                     .d_workspace = workspace.data(),
                     .workspace_bytes = workspace.bytes()},
                    cuda::Stream{});
}

/// Puts the settings back whatever happens.
class Counting {
 public:
  Counting() : before_(settings()) {
    settings().count = true;
    settings().check = false;
    counters().clear();
    Runtime::instance().clear_cache();
  }
  ~Counting() { settings() = before_; }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  Settings before_;
};

}  // namespace

std::map<std::string, Counts> count_workload(const Workload& workload) {
  const Counting counting;
  switch (workload.dtype) {
    case DType::f32:
      run<float>(workload);
      break;
    case DType::f16:
      run<half>(workload);
      break;
    case DType::bf16:
      run<bfloat16>(workload);
      break;
    default:
      throw Error("kernels store f32, f16 or bf16");
  }
  return counters().all();
}

}  // namespace llsa::ptx
