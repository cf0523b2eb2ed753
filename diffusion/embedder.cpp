#include "diffusion/embedder.hpp"

#include <algorithm>

namespace llsa::diffusion {

template <class T>
void embedder_forward(Layers<T>& layers, const EmbedderShape& s, std::int64_t batch, const EmbedderTensors<const T>& w,
                      const T* times, const std::int32_t* labels, EmbedderActivations<T>& a) {
  layers.timestep_features(batch, s.frequency_dim, times, a.features);
  layers.linear_forward({batch, s.frequency_dim, s.hidden}, a.features, w.first_weight, w.first_bias, a.first);
  layers.silu_forward(batch * s.hidden, a.first, a.first_active);
  layers.linear_forward({batch, s.hidden, s.hidden}, a.first_active, w.second_weight, w.second_bias, a.sum);
  if (s.labelled) layers.label_embedding_forward(batch, s.hidden, labels, w.table, a.sum);
  if (s.resolution > 0) {
    std::fill_n(a.sizes, batch, T(s.resolution / 1000));  // features multiply by 1000
    layers.timestep_features(batch, s.frequency_dim, a.sizes, a.size_features);
    layers.linear_forward({batch, s.frequency_dim, s.hidden}, a.size_features, w.size_first_weight, w.size_first_bias,
                          a.size_first);
    layers.silu_forward(batch * s.hidden, a.size_first, a.size_active);
    layers.linear_forward({batch, s.hidden, s.hidden}, a.size_active, w.size_second_weight, w.size_second_bias,
                          a.size_sum);
    layers.add(batch * s.hidden, a.size_sum, a.sum);
  }
  layers.silu_forward(batch * s.hidden, a.sum, a.active);
}

template <class T>
void embedder_backward(Layers<T>& layers, const EmbedderShape& s, std::int64_t batch, const EmbedderTensors<const T>& w,
                       const std::int32_t* labels, EmbedderActivations<T>& a, const EmbedderTensors<T>& g) {
  layers.silu_backward(batch * s.hidden, a.sum, a.active_gradient, a.active_gradient);
  if (s.labelled) layers.label_embedding_backward(batch, s.hidden, labels, a.active_gradient, g.table);
  if (s.resolution > 0) {
    layers.linear_backward({batch, s.hidden, s.hidden}, a.size_active, w.size_second_weight, a.active_gradient,
                           a.scratch_gradient, g.size_second_weight, g.size_second_bias);
    layers.silu_backward(batch * s.hidden, a.size_first, a.scratch_gradient, a.scratch_gradient);
    layers.linear_backward({batch, s.frequency_dim, s.hidden}, a.size_features, w.size_first_weight, a.scratch_gradient,
                           static_cast<T*>(nullptr), g.size_first_weight, g.size_first_bias);
  }
  layers.linear_backward({batch, s.hidden, s.hidden}, a.first_active, w.second_weight, a.active_gradient,
                         a.scratch_gradient, g.second_weight, g.second_bias);
  layers.silu_backward(batch * s.hidden, a.first, a.scratch_gradient, a.scratch_gradient);
  layers.linear_backward({batch, s.frequency_dim, s.hidden}, a.features, w.first_weight, a.scratch_gradient,
                         static_cast<T*>(nullptr), g.first_weight, g.first_bias);
}

#define LLSA_INSTANTIATE(T)                                                                                        \
  template void embedder_forward(Layers<T>&, const EmbedderShape&, std::int64_t, const EmbedderTensors<const T>&,  \
                                 const T*, const std::int32_t*, EmbedderActivations<T>&);                          \
  template void embedder_backward(Layers<T>&, const EmbedderShape&, std::int64_t, const EmbedderTensors<const T>&, \
                                  const std::int32_t*, EmbedderActivations<T>&, const EmbedderTensors<T>&)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion
