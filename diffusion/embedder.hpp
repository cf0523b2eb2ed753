#pragma once

#include "diffusion/arena.hpp"
#include "diffusion/layers/layers.hpp"

namespace llsa::diffusion {

/// Timestep and label -> conditioning vector: `c = W2 silu(W1 features(t) + b1) + b2 + table[label]`, and `silu(c)`,
/// which is what the modulation layers take. One stage of several adds `V2 silu(V1 features(r / 1000) + d1) + d2`, with
/// r its resolution: the square root of a frame's tokens (their number along a side of a square).
struct EmbedderShape {
  std::int64_t frequency_dim = 0, hidden = 0;
  bool labelled = false;
  double resolution = 0;  ///< r; 0: not embedded
};

/// Parameters (P is `const T`) or their gradients (P is `T`, accumulated into).
template <class P>
struct EmbedderTensors {
  P* first_weight = nullptr;   ///< `[hidden, frequency_dim]`
  P* first_bias = nullptr;     ///< `[hidden]`
  P* second_weight = nullptr;  ///< `[hidden, hidden]`
  P* second_bias = nullptr;    ///< `[hidden]`
  P* table = nullptr;          ///< `[classes + 1, hidden]`, null when unlabelled
  /// V1, d1, V2, d2, shaped as those above; null where resolution is not embedded.
  P *size_first_weight = nullptr, *size_first_bias = nullptr, *size_second_weight = nullptr,
    *size_second_bias = nullptr;
};

template <class T>
struct EmbedderActivations {
  T* features = nullptr;          ///< `[batch, frequency_dim]`
  T* first = nullptr;             ///< `[batch, hidden]`, before its SiLU
  T* first_active = nullptr;      ///< `[batch, hidden]`
  T* sum = nullptr;               ///< `[batch, hidden]`, c
  T* active = nullptr;            ///< `[batch, hidden]`, silu(c)
  T* active_gradient = nullptr;   ///< `[batch, hidden]`, gradient of `active`, gathered from every user
  T* scratch_gradient = nullptr;  ///< `[batch, hidden]`
  /// Of the resolution: `[batch]`, `[batch, frequency_dim]`, then `[batch, hidden]` each.
  T *sizes = nullptr, *size_features = nullptr, *size_first = nullptr, *size_active = nullptr, *size_sum = nullptr;

  void plan(Arena<T>& arena, const EmbedderShape& shape, std::int64_t batch) {
    arena.plan(features, batch * shape.frequency_dim);
    for (T** each : {&first, &first_active, &sum, &active, &active_gradient, &scratch_gradient}) {
      arena.plan(*each, batch * shape.hidden);
    }
    if (shape.resolution == 0) return;
    arena.plan(sizes, batch);
    arena.plan(size_features, batch * shape.frequency_dim);
    for (T** each : {&size_first, &size_active, &size_sum}) arena.plan(*each, batch * shape.hidden);
  }
};

/// `times` `[batch]` in 0..1, `labels` `[batch]` (null when unlabelled).
template <class T>
void embedder_forward(Layers<T>& layers, const EmbedderShape& shape, std::int64_t batch,
                      const EmbedderTensors<const T>& weights, const T* times, const std::int32_t* labels,
                      EmbedderActivations<T>& a);

/// Takes `a.active_gradient`, which it overwrites.
template <class T>
void embedder_backward(Layers<T>& layers, const EmbedderShape& shape, std::int64_t batch,
                       const EmbedderTensors<const T>& weights, const std::int32_t* labels, EmbedderActivations<T>& a,
                       const EmbedderTensors<T>& gradients);

}  // namespace llsa::diffusion
