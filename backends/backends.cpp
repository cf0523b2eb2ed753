#include "backends/backends.hpp"

#include <type_traits>

#include "llsa/error.hpp"
#include "reference/attention.hpp"
#include "reference/baselines/sla.hpp"
#include "reference/baselines/vsa.hpp"
#include "reference/baselines/with_options.hpp"
#if defined(LLSA_HAVE_CUDA) || defined(LLSA_HAVE_CUDA_ON_CPU)
#include "cuda/attention.hpp"
#endif

namespace llsa {

namespace {

#if defined(LLSA_HAVE_CUDA) || defined(LLSA_HAVE_CUDA_ON_CPU)
/// Calls `make` for a storage type that the kernels have.
template <class T, class Make>
std::unique_ptr<Attention<T>> on_cuda(std::string_view name, Make make) {
  if constexpr (std::is_same_v<T, double>)
    throw Error("backend '" + std::string(name) + "' stores f32, f16 or bf16; f64 is for 'reference'");
  else
    return make();
}
#endif

}  // namespace

std::vector<std::string> backend_names() {
  return {
    "reference",
#if defined(LLSA_HAVE_CUDA)
        "cuda",
#endif
#if defined(LLSA_HAVE_CUDA_ON_CPU)
        "cuda-on-cpu",
#endif
  };
}

template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view name, ThreadPool& threads) {
  if (name == "reference") return std::make_unique<reference::ReferenceAttention<T>>(threads);
#if defined(LLSA_HAVE_CUDA)
  if (name == "cuda") return on_cuda<T>(name, [] { return cuda::make_attention<T>(); });
#endif
#if defined(LLSA_HAVE_CUDA_ON_CPU)
  if (name == "cuda-on-cpu") return on_cuda<T>(name, [&] { return cuda::make_attention_on_cpu<T>(threads.threads()); });
#endif
  std::string known;
  for (const std::string& each : backend_names()) known += (known.empty() ? "" : ", ") + each;
  throw Error("backend is '" + std::string(name) + "'; this build has: " + known);
}

template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view method, std::string_view backend, ThreadPool& threads) {
  check_method(method);
  auto inner = make_attention<T>(backend, threads);  // first, so that an unknown backend is what an error says
  if (method == "llsa") return inner;
  if (method == "vsa") return std::make_unique<reference::VsaAttention<T>>(std::move(inner), threads);
  if (method == "sla") return std::make_unique<reference::SlaAttention<T>>(std::move(inner), threads);
  if (method != "llsa+mask-backward")
    return std::make_unique<reference::WithMethodOptions<T>>(std::string(method), std::move(inner));
  if (backend != "reference")
    throw Error("method 'llsa+mask-backward' runs on backend 'reference', not on '" + std::string(backend) + "'");
  return std::make_unique<reference::ReferenceAttention<T>>(threads, reference::KeyMajor::dense_mask);
}

#define LLSA_INSTANTIATE(T)                                                             \
  template std::unique_ptr<Attention<T>> make_attention(std::string_view, ThreadPool&); \
  template std::unique_ptr<Attention<T>> make_attention(std::string_view, std::string_view, ThreadPool&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa
