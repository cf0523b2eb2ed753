#include <cmath>

#include "reference/attention.hpp"

int main() {
  llsa::ThreadPool threads;
  const llsa::Shape shape{.batch = 1, .heads = 2, .tokens = 300, .dim = 8};
  llsa::Tensor<float> q(shape, 0.5f), k(shape, 0.25f), v(shape, 3.0f), o(shape), lse({1, 2, 300, 1});
  llsa::reference::ReferenceAttention<float> attention(threads);
  attention.forward({q.view(), k.view(), v.view()}, {.block_size = 4, .levels = 2}, {o.view(), lse.view()}, nullptr);
  return std::abs(o(0, 1, 299, 7) - 3.0f) < 1e-5f ? 0 : 1;
}
