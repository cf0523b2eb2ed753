#include "diffusion/embedder.hpp"

namespace llsa::diffusion {

template <class T>
void embedder_forward(Layers<T>& layers, const EmbedderShape& s, std::int64_t batch, const EmbedderTensors<const T>& w,
                      const T* times, const std::int32_t* labels, EmbedderActivations<T>& a) {
  layers.timestep_features(batch, s.frequency_dim, times, a.features);
  layers.linear_forward({batch, s.frequency_dim, s.hidden}, a.features, w.first_weight, w.first_bias, a.first);
  layers.silu_forward(batch * s.hidden, a.first, a.first_active);
  layers.linear_forward({batch, s.hidden, s.hidden}, a.first_active, w.second_weight, w.second_bias, a.sum);
  if (s.labelled) layers.label_embedding_forward(batch, s.hidden, labels, w.table, a.sum);
  layers.silu_forward(batch * s.hidden, a.sum, a.active);
}

template <class T>
void embedder_backward(Layers<T>& layers, const EmbedderShape& s, std::int64_t batch, const EmbedderTensors<const T>& w,
                       const std::int32_t* labels, EmbedderActivations<T>& a, const EmbedderTensors<T>& g) {
  layers.silu_backward(batch * s.hidden, a.sum, a.active_gradient, a.active_gradient);
  if (s.labelled) layers.label_embedding_backward(batch, s.hidden, labels, a.active_gradient, g.table);
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
