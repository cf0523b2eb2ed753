#include "diffusion/block.hpp"

namespace llsa::diffusion {
namespace {

/// The six parts of a modulation row, in diffusers' order.
enum Part { shift1, scale1, gate1, shift2, scale2, gate2 };

template <class T>
PerImage<T> part(T* modulation, const BlockShape& s, Part which) {
  return {modulation + which * s.hidden, 6 * s.hidden};
}

/// `[batch, heads, tokens, head_dim]` inside rows of `stride` numbers.
template <class T>
TensorView<T> heads_in_rows(T* data, const BlockShape& s, std::int64_t stride) {
  return {data, Shape{s.batch, s.heads, s.tokens, s.head_dim()}, Strides{s.tokens * stride, s.head_dim(), stride, 1}};
}

template <class T>
AttentionOutputs<T> attention_outputs(const BlockActivations<T>& a, const BlockShape& s) {
  return {heads_in_rows(a.attended, s, s.hidden), {a.lse, Shape{s.batch, s.heads, s.tokens, 1}}};
}

/// W_p and b_p as the further inputs of method "sla"; none when there are none.
template <class T>
NamedViews<T> projection_extras(T* weight, T* bias, const BlockShape& s) {
  if (!weight) return {};
  const std::int64_t dim = s.head_dim();
  return {{"w_p", {weight, Shape{1, 1, dim, dim}}}, {"b_p", {bias, Shape{1, 1, 1, dim}}}};
}

}  // namespace

template <class T>
void BlockActivations<T>::plan(Arena<T>& arena, const BlockShape& s) {
  arena.plan(modulation, s.batch * 6 * s.hidden);
  arena.plan(qkv, s.rows() * 3 * s.hidden);
  for (T** each : {&normed1, &query, &key, &attended, &projected, &middle, &normed2, &second}) {
    arena.plan(*each, s.rows() * s.hidden);
  }
  for (T** each : {&mean1, &rstd1, &mean2, &rstd2}) arena.plan(*each, s.rows());
  for (T** each : {&query_rstd, &key_rstd, &lse}) arena.plan(*each, s.rows() * s.heads);
  for (T** each : {&first, &active}) arena.plan(*each, s.rows() * s.mlp);
}

template <class T>
AttentionInputs<T> BlockActivations<T>::attention_inputs(const BlockShape& s, const BlockTensors<const T>& w) const {
  return {heads_in_rows<const T>(query, s, s.hidden), heads_in_rows<const T>(key, s, s.hidden),
          heads_in_rows<const T>(qkv + 2 * s.hidden, s, 3 * s.hidden),
          projection_extras(w.projection_weight, w.projection_bias, s)};
}

template <class T>
void BlockScratch<T>::plan(Arena<T>& arena, const BlockShape& s) {
  arena.plan(modulation_gradient, s.batch * 6 * s.hidden);
  arena.plan(active_gradient, s.batch * s.hidden);
  arena.plan(wide_gradient, s.rows() * s.mlp);
  arena.plan(qkv_gradient, s.rows() * 3 * s.hidden);
  for (T** each : {&rows_gradient, &query_gradient, &key_gradient}) arena.plan(*each, s.rows() * s.hidden);
  arena.plan(projection_weight_gradient, s.head_dim() * s.head_dim());
  arena.plan(projection_bias_gradient, s.head_dim());
}

template <class T>
void block_forward(const BlockContext<T>& context, const BlockShape& s, const BlockTensors<const T>& w, const T* active,
                   const T* x, BlockActivations<T>& a, T* y) {
  Layers<T>& layers = context.layers;
  const std::int64_t c = s.hidden, rows = s.rows();
  const TokenShape stream{s.batch, s.tokens, c};
  const HeadShape heads{rows, s.heads, s.head_dim()};
  const T* const m = a.modulation;

  layers.linear_forward({s.batch, c, 6 * c}, active, w.modulation_weight, w.modulation_bias, a.modulation);
  layers.modulated_norm_forward(stream, x, part(m, s, shift1), part(m, s, scale1), a.normed1, a.mean1, a.rstd1);
  layers.linear_forward({rows, c, 3 * c}, a.normed1, w.qkv_weight, w.qkv_bias, a.qkv);
  layers.rms_norm_forward(heads, a.qkv, 3 * c, w.query_norm, a.query, c, a.query_rstd);
  layers.rms_norm_forward(heads, a.qkv + c, 3 * c, w.key_norm, a.key, c, a.key_rstd);
  layers.rotary_forward(heads, context.rotary, a.query, c);
  layers.rotary_forward(heads, context.rotary, a.key, c);
  const AttentionInputs<T> inputs = a.attention_inputs(s, w);
  if (context.observer) context.observer(inputs);
  {
    const ProfileScope scope(context.profile, "attention_forward");
    a.state = context.attention.forward(inputs, context.options, attention_outputs(a, s));
  }
  layers.linear_forward({rows, c, c}, a.attended, w.out_weight, w.out_bias, a.projected);
  layers.gated_residual_forward(stream, x, part(m, s, gate1), a.projected, a.middle);

  layers.modulated_norm_forward(stream, a.middle, part(m, s, shift2), part(m, s, scale2), a.normed2, a.mean2, a.rstd2);
  layers.linear_forward({rows, c, s.mlp}, a.normed2, w.first_weight, w.first_bias, a.first);
  layers.gelu_forward(rows * s.mlp, a.first, a.active);
  layers.linear_forward({rows, s.mlp, c}, a.active, w.second_weight, w.second_bias, a.second);
  layers.gated_residual_forward(stream, a.middle, part(m, s, gate2), a.second, y);
}

template <class T>
void block_backward(const BlockContext<T>& context, const BlockShape& s, const BlockTensors<const T>& w,
                    const T* active, const T* x, const BlockActivations<T>& a, BlockScratch<T>& d, T* dx,
                    T* active_gradient, const BlockTensors<T>& g) {
  Layers<T>& layers = context.layers;
  const std::int64_t c = s.hidden, rows = s.rows();
  const TokenShape stream{s.batch, s.tokens, c};
  const HeadShape heads{rows, s.heads, s.head_dim()};
  const T* const m = a.modulation;
  T* const dm = d.modulation_gradient;

  layers.gated_residual_backward(stream, part(m, s, gate2), a.second, dx, d.rows_gradient, part(dm, s, gate2));
  layers.linear_backward({rows, s.mlp, c}, a.active, w.second_weight, d.rows_gradient, d.wide_gradient, g.second_weight,
                         g.second_bias);
  layers.gelu_backward(rows * s.mlp, a.first, d.wide_gradient, d.wide_gradient);
  layers.linear_backward({rows, c, s.mlp}, a.normed2, w.first_weight, d.wide_gradient, d.rows_gradient, g.first_weight,
                         g.first_bias);
  layers.modulated_norm_backward(stream, a.middle, a.mean2, a.rstd2, part(m, s, scale2), d.rows_gradient, dx,
                                 part(dm, s, shift2), part(dm, s, scale2));

  layers.gated_residual_backward(stream, part(m, s, gate1), a.projected, dx, d.rows_gradient, part(dm, s, gate1));
  // wide_gradient is free again and wide enough, as mlp >= hidden.
  T* const attended_gradient = d.wide_gradient;
  layers.linear_backward({rows, c, c}, a.attended, w.out_weight, d.rows_gradient, attended_gradient, g.out_weight,
                         g.out_bias);
  {
    const ProfileScope scope(context.profile, "attention_backward");
    context.attention.backward(
        a.attention_inputs(s, w), attention_outputs(a, s), *a.state,
        {heads_in_rows<const T>(attended_gradient, s, c), {}},
        {heads_in_rows(d.query_gradient, s, c), heads_in_rows(d.key_gradient, s, c),
         heads_in_rows(d.qkv_gradient + 2 * c, s, 3 * c),
         g.projection_weight ? projection_extras(d.projection_weight_gradient, d.projection_bias_gradient, s)
                             : NamedViews<T>{}});
  }
  if (g.projection_weight) {
    layers.add(s.head_dim() * s.head_dim(), d.projection_weight_gradient, g.projection_weight);
    layers.add(s.head_dim(), d.projection_bias_gradient, g.projection_bias);
  }
  layers.rotary_backward(heads, context.rotary, d.query_gradient, c);
  layers.rotary_backward(heads, context.rotary, d.key_gradient, c);
  layers.rms_norm_backward(heads, a.qkv, 3 * c, w.query_norm, a.query_rstd, d.query_gradient, c, d.qkv_gradient, 3 * c,
                           g.query_norm);
  layers.rms_norm_backward(heads, a.qkv + c, 3 * c, w.key_norm, a.key_rstd, d.key_gradient, c, d.qkv_gradient + c,
                           3 * c, g.key_norm);
  layers.linear_backward({rows, c, 3 * c}, a.normed1, w.qkv_weight, d.qkv_gradient, d.rows_gradient, g.qkv_weight,
                         g.qkv_bias);
  layers.modulated_norm_backward(stream, x, a.mean1, a.rstd1, part(m, s, scale1), d.rows_gradient, dx,
                                 part(dm, s, shift1), part(dm, s, scale1));

  layers.linear_backward({s.batch, c, 6 * c}, active, w.modulation_weight, dm, d.active_gradient, g.modulation_weight,
                         g.modulation_bias);
  layers.add(s.batch * c, d.active_gradient, active_gradient);
}

#define LLSA_INSTANTIATE(T)                                                                                       \
  template struct BlockActivations<T>;                                                                            \
  template struct BlockScratch<T>;                                                                                \
  template void block_forward(const BlockContext<T>&, const BlockShape&, const BlockTensors<const T>&, const T*,  \
                              const T*, BlockActivations<T>&, T*);                                                \
  template void block_backward(const BlockContext<T>&, const BlockShape&, const BlockTensors<const T>&, const T*, \
                               const T*, const BlockActivations<T>&, BlockScratch<T>&, T*, T*, const BlockTensors<T>&)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion
