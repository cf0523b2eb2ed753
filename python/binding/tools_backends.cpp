// What the tools know of implementations: the reference, and the methods that are LLSA with certain options. The
// baselines with branches of their own are left out; they take longer to compile than all the tools.
#include <memory>

#include "backends/backends.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"
#include "reference/baselines/with_options.hpp"

namespace llsa {

template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view name, ThreadPool& threads) {
  if (name == "reference") return std::make_unique<reference::ReferenceAttention<T>>(threads);
  throw Error("backend is '" + std::string(name) + "'; this build has: reference");
}

template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view method, std::string_view backend, ThreadPool& threads) {
  check_method(method);
  if (!method_extras(method, {}, {}).empty() || method == "llsa+mask-backward")
    throw Error("method '" + std::string(method) + "' is not in this build");
  auto inner = make_attention<T>(backend, threads);
  if (method == "llsa") return inner;
  return std::make_unique<reference::WithMethodOptions<T>>(std::string(method), std::move(inner));
}

template std::unique_ptr<Attention<float>> make_attention(std::string_view, ThreadPool&);
template std::unique_ptr<Attention<float>> make_attention(std::string_view, std::string_view, ThreadPool&);

}  // namespace llsa
