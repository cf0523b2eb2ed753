#include "cuda/attention.hpp"

#include "cuda/host_attention.hpp"

namespace llsa::cuda {

template <class T>
std::unique_ptr<Attention<T>> make_attention_on_cpu(int os_threads) {
  return make_host_attention<T>("cuda-on-cpu", Stream{{.os_threads = os_threads}});
}

template std::unique_ptr<Attention<float>> make_attention_on_cpu(int);
template std::unique_ptr<Attention<half>> make_attention_on_cpu(int);
template std::unique_ptr<Attention<bfloat16>> make_attention_on_cpu(int);

}  // namespace llsa::cuda
