#include "backends/backends.hpp"

#include "llsa/error.hpp"
#include "reference/attention.hpp"

namespace llsa {

std::vector<std::string> backend_names() { return {"reference"}; }

template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view name, reference::ThreadPool& threads) {
  if (name == "reference") return std::make_unique<reference::ReferenceAttention<T>>(threads);
  std::string known;
  for (const std::string& each : backend_names()) known += (known.empty() ? "" : ", ") + each;
  throw Error("backend is '" + std::string(name) + "'; this build has: " + known);
}

template std::unique_ptr<Attention<float>> make_attention(std::string_view, reference::ThreadPool&);
template std::unique_ptr<Attention<double>> make_attention(std::string_view, reference::ThreadPool&);
template std::unique_ptr<Attention<half>> make_attention(std::string_view, reference::ThreadPool&);
template std::unique_ptr<Attention<bfloat16>> make_attention(std::string_view, reference::ThreadPool&);

}  // namespace llsa
