#include "diffusion/dit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "llsa/error.hpp"

namespace llsa::diffusion {

template <class T>
Dit<T>::Dit(const ModelConfig& config, const DitPlan& plan, Layers<T>& layers, Attention<T>& attention,
            Profile* profile)
    : config_((validate(config), config)),
      plan_(plan),
      layout_(config),
      layers_(&layers),
      attention_(&attention),
      profile_(profile),
      attention_options_(method_options(config.attention.method, config.attention.options)),
      embedder_shape_{config.frequency_dim, config.hidden, config.classes > 0,
                      config.part_of_stages ? std::sqrt(double(config.grid().height * config.grid().width)) : 0.0} {
  if (config.stages > 1) {
    throw Error(
        fmt::format("the model has {} stages of growing resolution; each is a model of its own", config.stages));
  }
  if (plan.batch < 1) throw Error(fmt::format("batch is {}; it must be at least 1", plan.batch));
  const Shape heads = config.head_shape();
  if (attention.extra_inputs(heads, heads) != method_extras(config.attention.method, heads, heads)) {
    throw Error(
        fmt::format("the model wants method '{}'; the attention given is another one", config.attention.method));
  }
  const BlockShape shape = block_shape(plan.batch);
  const std::int64_t rows = shape.rows(), width = config.hidden;
  const bool keep_all = plan.training && !plan.recompute;
  arena_.plan(input_, rows * config.token_dim());
  stream_.resize(plan.training ? std::size_t(config.layers + 1) : 2);
  for (T*& each : stream_) arena_.plan(each, rows * width);
  blocks_.resize(keep_all ? std::size_t(config.layers) : 1);
  for (BlockActivations<T>& each : blocks_) each.plan(arena_, shape);
  embedders_.resize(config.per_block_embedders ? std::size_t(config.layers) : 1);
  for (EmbedderActivations<T>& each : embedders_) each.plan(arena_, embedder_shape_, plan.batch);
  arena_.plan(final_modulation_, plan.batch * 2 * width);
  arena_.plan(final_normed_, rows * width);
  arena_.plan(final_mean_, rows);
  arena_.plan(final_rstd_, rows);
  arena_.plan(output_, rows * config.token_dim());
  if (plan.training) {
    scratch_.plan(arena_, shape);
    arena_.plan(stream_gradient_, rows * width);
    arena_.plan(final_modulation_gradient_, plan.batch * 2 * width);
  }
  arena_.allocate();  // first, so that a model that is too large fails at once
  const TokenOrder order = token_order(config.attention.order, config.grid());
  map_ = token_map(config, order);
  rotary_ = rotary_table<T>(config.grid(), order, config.head_dim(), config.rope_base);
}

template <class T>
BlockShape Dit<T>::block_shape(std::int64_t batch) const {
  return {batch, config_.tokens(), config_.hidden, config_.heads, config_.mlp_ratio * config_.hidden};
}

template <class T>
BlockContext<T> Dit<T>::context(std::int64_t block) {
  BlockContext<T> result{*layers_, *attention_, attention_options_, rotary_, profile_, {}};
  if (observer_) {
    result.observer = [this, block](const AttentionInputs<T>& inputs) { observer_(block, inputs); };
  }
  return result;
}

template <class T>
BlockActivations<T>& Dit<T>::activations(std::int64_t block) {
  return blocks_[blocks_.size() == 1 ? 0 : std::size_t(block)];
}

template <class T>
EmbedderActivations<T>& Dit<T>::embedder_of(std::int64_t block) {
  return embedders_[embedders_.size() == 1 ? 0 : std::size_t(block)];
}

template <class T>
T* Dit<T>::stream(std::int64_t block) {
  return stream_[plan_.training ? std::size_t(block) : std::size_t(block % 2)];
}

template <class T>
template <class P>
BlockTensors<P> Dit<T>::block_tensors(P* parameters, std::int64_t block) const {
  const auto at = [&](const char* name) { return tensor(parameters, block_prefix(block) + name); };
  const bool has_projection = config_.attention.method == "sla";
  const std::string projection = linear_projection_name(block);
  return {.modulation_weight = at("norm1.linear.weight"),
          .modulation_bias = at("norm1.linear.bias"),
          .qkv_weight = at("attn1.to_q.weight"),
          .qkv_bias = at("attn1.to_q.bias"),
          .query_norm = at("attn1.norm_q.weight"),
          .key_norm = at("attn1.norm_k.weight"),
          .out_weight = at("attn1.to_out.0.weight"),
          .out_bias = at("attn1.to_out.0.bias"),
          .first_weight = at("ff.net.0.proj.weight"),
          .first_bias = at("ff.net.0.proj.bias"),
          .second_weight = at("ff.net.2.weight"),
          .second_bias = at("ff.net.2.bias"),
          .projection_weight = has_projection ? tensor(parameters, projection + ".weight") : nullptr,
          .projection_bias = has_projection ? tensor(parameters, projection + ".bias") : nullptr};
}

template <class T>
template <class P>
EmbedderTensors<P> Dit<T>::embedder_tensors(P* parameters, std::int64_t embedder) const {
  const auto at = [&](const char* name) { return tensor(parameters, embedder_prefix(config_, embedder) + name); };
  const auto size = [&](const char* name) -> P* { return config_.embeds_resolution() ? at(name) : nullptr; };
  return {.first_weight = at("timestep_embedder.linear_1.weight"),
          .first_bias = at("timestep_embedder.linear_1.bias"),
          .second_weight = at("timestep_embedder.linear_2.weight"),
          .second_bias = at("timestep_embedder.linear_2.bias"),
          .table = config_.classes > 0 ? at("class_embedder.embedding_table.weight") : nullptr,
          .size_first_weight = size("latent_size_embedder.linear_1.weight"),
          .size_first_bias = size("latent_size_embedder.linear_1.bias"),
          .size_second_weight = size("latent_size_embedder.linear_2.weight"),
          .size_second_bias = size("latent_size_embedder.linear_2.bias")};
}

template <class T>
void Dit<T>::forward(std::span<const T> parameters, std::int64_t batch, const T* images, const T* times,
                     const std::int32_t* labels, T* velocity) {
  if (batch < 1 || batch > plan_.batch) {
    throw Error(fmt::format("batch is {}; this model was planned for 1 to {}", batch, plan_.batch));
  }
  const T* const p = parameters.data();
  const BlockShape shape = block_shape(batch);
  const std::int64_t rows = shape.rows(), width = config_.hidden, token_dim = config_.token_dim();
  for (std::size_t i = 0; i < embedders_.size(); ++i) {
    embedder_forward(*layers_, embedder_shape_, batch, embedder_tensors(p, std::int64_t(i)), times, labels,
                     embedders_[i]);
  }
  layers_->permute(batch, map_.image_to_input, images, input_);
  layers_->linear_forward({rows, token_dim, width}, input_, tensor(p, "pos_embed.proj.weight"),
                          tensor(p, "pos_embed.proj.bias"), stream(0));
  for (std::int64_t block = 0; block < config_.layers; ++block) {
    block_forward(context(block), shape, block_tensors(p, block), embedder_of(block).active, stream(block),
                  activations(block), stream(block + 1));
  }
  const T* const m = final_modulation_;
  layers_->linear_forward({batch, width, 2 * width}, embedder_of(0).active, tensor(p, "proj_out_1.weight"),
                          tensor(p, "proj_out_1.bias"), final_modulation_);
  layers_->modulated_norm_forward({batch, shape.tokens, width}, stream(config_.layers), {m, 2 * width},
                                  {m + width, 2 * width}, final_normed_, final_mean_, final_rstd_);
  layers_->linear_forward({rows, width, token_dim}, final_normed_, tensor(p, "proj_out_2.weight"),
                          tensor(p, "proj_out_2.bias"), output_);
  layers_->permute(batch, map_.output_to_image, output_, velocity);
}

template <class T>
void Dit<T>::backward(std::span<const T> parameters, std::int64_t batch, const std::int32_t* labels,
                      const T* velocity_gradient, std::span<T> gradients) {
  if (!plan_.training) throw Error("backward needs a model that was planned for training");
  const T* const p = parameters.data();
  T* const g = gradients.data();
  const BlockShape shape = block_shape(batch);
  const std::int64_t rows = shape.rows(), width = config_.hidden, token_dim = config_.token_dim();
  for (EmbedderActivations<T>& each : embedders_) std::fill_n(each.active_gradient, batch * width, T(0));

  layers_->permute(batch, map_.image_to_output, velocity_gradient, output_);
  layers_->linear_backward({rows, width, token_dim}, final_normed_, tensor(p, "proj_out_2.weight"), output_,
                           scratch_.rows_gradient, tensor(g, "proj_out_2.weight"), tensor(g, "proj_out_2.bias"));
  std::fill_n(stream_gradient_, rows * width, T(0));
  layers_->modulated_norm_backward({batch, shape.tokens, width}, stream(config_.layers), final_mean_, final_rstd_,
                                   {final_modulation_ + width, 2 * width}, scratch_.rows_gradient, stream_gradient_,
                                   {final_modulation_gradient_, 2 * width},
                                   {final_modulation_gradient_ + width, 2 * width});
  layers_->linear_backward({batch, width, 2 * width}, embedder_of(0).active, tensor(p, "proj_out_1.weight"),
                           final_modulation_gradient_, scratch_.active_gradient, tensor(g, "proj_out_1.weight"),
                           tensor(g, "proj_out_1.bias"));
  layers_->add(batch * width, scratch_.active_gradient, embedder_of(0).active_gradient);

  for (std::int64_t block = config_.layers - 1; block >= 0; --block) {
    const auto weights = block_tensors(p, block);
    EmbedderActivations<T>& embedder = embedder_of(block);
    if (plan_.recompute && block + 1 < config_.layers) {  // the last block's activations are still there
      block_forward(context(block), shape, weights, embedder.active, stream(block), activations(block),
                    stream(block + 1));
    }
    block_backward(context(block), shape, weights, embedder.active, stream(block), activations(block), scratch_,
                   stream_gradient_, embedder.active_gradient, block_tensors(g, block));
  }
  layers_->linear_backward({rows, token_dim, width}, input_, tensor(p, "pos_embed.proj.weight"), stream_gradient_,
                           static_cast<T*>(nullptr), tensor(g, "pos_embed.proj.weight"),
                           tensor(g, "pos_embed.proj.bias"));
  for (std::size_t i = 0; i < embedders_.size(); ++i) {
    embedder_backward(*layers_, embedder_shape_, batch, embedder_tensors(p, std::int64_t(i)), labels, embedders_[i],
                      embedder_tensors(g, std::int64_t(i)));
  }
}

template class Dit<float>;
template class Dit<double>;

}  // namespace llsa::diffusion
