#include "cuda/attention.hpp"

#include "cuda/device.hpp"
#include "cuda/host_attention.hpp"

namespace llsa::cuda {

template <class T>
std::unique_ptr<Attention<T>> make_attention() {
  require_device();
  return make_host_attention<T>("cuda", Stream{});
}

template std::unique_ptr<Attention<float>> make_attention();
template std::unique_ptr<Attention<half>> make_attention();
template std::unique_ptr<Attention<bfloat16>> make_attention();

}  // namespace llsa::cuda
