#pragma once

#include <functional>
#include <memory>

#include "diffusion/arena.hpp"
#include "diffusion/layers/layers.hpp"
#include "diffusion/profile.hpp"
#include "llsa/attention.hpp"

namespace llsa::diffusion {

/// One transformer block on the residual stream x `[batch, tokens, hidden]`, conditioned by `active` `[batch, hidden]`:
///   shift1, scale1, gate1, shift2, scale2, gate2 = modulation(active)
///   x = x + gate1 * out(attention(rotary(rms_norm(q)), rotary(rms_norm(k)), v)),  q, k, v = qkv(modulated_norm(x))
///   x = x + gate2 * second(gelu(first(modulated_norm(x))))
struct BlockShape {
  std::int64_t batch = 0, tokens = 0, hidden = 0, heads = 0, mlp = 0;
  std::int64_t rows() const { return batch * tokens; }
  std::int64_t head_dim() const { return hidden / heads; }
};

/// Parameters (P is `const T`) or their gradients (P is `T`, accumulated into).
template <class P>
struct BlockTensors {
  P *modulation_weight = nullptr, *modulation_bias = nullptr;  ///< `[6 hidden, hidden]`, `[6 hidden]`
  P *qkv_weight = nullptr, *qkv_bias = nullptr;                ///< `[3 hidden, hidden]`, `[3 hidden]`
  P *query_norm = nullptr, *key_norm = nullptr;                ///< `[head_dim]`
  P *out_weight = nullptr, *out_bias = nullptr;                ///< `[hidden, hidden]`, `[hidden]`
  P *first_weight = nullptr, *first_bias = nullptr;            ///< `[mlp, hidden]`, `[mlp]`
  P *second_weight = nullptr, *second_bias = nullptr;          ///< `[hidden, mlp]`, `[hidden]`
  /// SLA's W_p `[head_dim, head_dim]` and b_p `[head_dim]`; null for other methods.
  P *projection_weight = nullptr, *projection_bias = nullptr;
};

/// What forward leaves for backward.
template <class T>
struct BlockActivations {
  T* modulation = nullptr;                                   ///< `[batch, 6 hidden]`
  T *normed1 = nullptr, *mean1 = nullptr, *rstd1 = nullptr;  ///< `[rows, hidden]`, `[rows]`, `[rows]`
  T* qkv = nullptr;                                          ///< `[rows, 3 hidden]`
  T *query = nullptr, *key = nullptr;                        ///< `[rows, hidden]`, normed and rotated
  T *query_rstd = nullptr, *key_rstd = nullptr;              ///< `[rows, heads]`
  T *attended = nullptr, *lse = nullptr;                     ///< `[rows, hidden]`, `[batch, heads, tokens]`
  T* projected = nullptr;                                    ///< `[rows, hidden]`
  T* middle = nullptr;                                       ///< `[rows, hidden]`, x after attention
  T *normed2 = nullptr, *mean2 = nullptr, *rstd2 = nullptr;
  T *first = nullptr, *active = nullptr;  ///< `[rows, mlp]`, before and after GELU
  T* second = nullptr;                    ///< `[rows, hidden]`
  std::unique_ptr<AttentionState> state;

  void plan(Arena<T>& arena, const BlockShape& shape);
  /// Q and K after norm and rotation, V straight from the product: `[batch, heads, tokens, head_dim]`.
  /// `weights` give the further inputs of the attention method.
  AttentionInputs<T> attention_inputs(const BlockShape& shape, const BlockTensors<const T>& weights) const;
};

/// Scratch that all blocks' backward passes share.
template <class T>
struct BlockScratch {
  T* modulation_gradient = nullptr;                                                ///< `[batch, 6 hidden]`
  T* active_gradient = nullptr;                                                    ///< `[batch, hidden]`
  T* wide_gradient = nullptr;                                                      ///< `[rows, mlp]`
  T* qkv_gradient = nullptr;                                                       ///< `[rows, 3 hidden]`
  T *rows_gradient = nullptr, *query_gradient = nullptr, *key_gradient = nullptr;  ///< `[rows, hidden]`
  T *projection_weight_gradient = nullptr, *projection_bias_gradient = nullptr;

  void plan(Arena<T>& arena, const BlockShape& shape);
};

/// What every block of a model works with.
template <class T>
struct BlockContext {
  Layers<T>& layers;
  Attention<T>& attention;
  const Options& options;
  const RotaryTable<T>& rotary;
  Profile* profile = nullptr;
  /// Called with every block's attention inputs just before attention; may be empty.
  std::function<void(const AttentionInputs<T>&)> observer = {};
};

/// Writes y `[batch, tokens, hidden]`, which must not be x.
template <class T>
void block_forward(const BlockContext<T>& context, const BlockShape& shape, const BlockTensors<const T>& weights,
                   const T* active, const T* x, BlockActivations<T>& a, T* y);

/// `dx` enters as the gradient of y and leaves as the gradient of x. `active_gradient` `[batch, hidden]` is accumulated
/// into.
template <class T>
void block_backward(const BlockContext<T>& context, const BlockShape& shape, const BlockTensors<const T>& weights,
                    const T* active, const T* x, const BlockActivations<T>& a, BlockScratch<T>& scratch, T* dx,
                    T* active_gradient, const BlockTensors<T>& gradients);

}  // namespace llsa::diffusion
