#include "diffusion/parameters.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "diffusion/random.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {

std::int64_t Parameter::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::string block_prefix(std::int64_t block) { return fmt::format("transformer_blocks.{}.", block); }

std::string linear_projection_name(std::int64_t block) { return block_prefix(block) + "attn1.proj_l"; }

std::string embedder_prefix(const ModelConfig& config, std::int64_t block) {
  return config.per_block_embedders ? block_prefix(block) + "norm1.emb." : "emb.";
}

ParameterLayout::ParameterLayout(const ModelConfig& c) {
  const std::int64_t width = c.hidden, p = c.patch_size;
  add("pos_embed.proj.weight", {width, c.channels, p, p}, Start::xavier);
  add("pos_embed.proj.bias", {width}, Start::zero);
  if (!c.per_block_embedders) add_embedder(embedder_prefix(c, 0), c);
  for (std::int64_t block = 0; block < c.layers; ++block) {
    const std::string prefix = block_prefix(block);
    if (c.per_block_embedders) add_embedder(embedder_prefix(c, block), c);
    add_linear(prefix + "norm1.linear", 6 * width, width, Start::zero);
    for (const char* name : {"to_q", "to_k", "to_v"}) {
      add(prefix + "attn1." + name + ".weight", {width, width}, Start::xavier, name[3] != 'q');
    }
    for (const char* name : {"to_q", "to_k", "to_v"}) {
      add(prefix + "attn1." + name + ".bias", {width}, Start::zero, name[3] != 'q');
    }
    add(prefix + "attn1.norm_q.weight", {c.head_dim()}, Start::one);
    add(prefix + "attn1.norm_k.weight", {c.head_dim()}, Start::one);
    add_linear(prefix + "attn1.to_out.0", width, width, Start::xavier);
    add_linear(prefix + "ff.net.0.proj", c.mlp_ratio * width, width, Start::xavier);
    add_linear(prefix + "ff.net.2", width, c.mlp_ratio * width, Start::xavier);
  }
  add_linear("proj_out_1", 2 * width, width, Start::zero);
  add_linear("proj_out_2", c.token_dim(), width, Start::zero);
  if (c.embeds_resolution()) add_resolution_embedders(c);
  for (std::int64_t block = 0; c.attention.method == "sla" && block < c.layers; ++block) {
    add_linear(linear_projection_name(block), c.head_dim(), c.head_dim(), Start::zero);
  }
  constexpr std::int64_t line = 16;
  size_ = (size_ + line - 1) / line * line;
}

void ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, Start start, bool adjacent) {
  constexpr std::int64_t line = 16;  // numbers; a cache line of floats, two of doubles
  if (!adjacent) size_ = (size_ + line - 1) / line * line;
  parameters_.push_back({.name = std::move(name), .shape = std::move(shape), .offset = size_, .start = start});
  size_ += parameters_.back().size();
}

void ParameterLayout::add_linear(const std::string& name, std::int64_t out, std::int64_t in, Start start) {
  add(name + ".weight", {out, in}, start);
  add(name + ".bias", {out}, Start::zero);
}

void ParameterLayout::add_embedder(const std::string& prefix, const ModelConfig& c) {
  add_linear(prefix + "timestep_embedder.linear_1", c.hidden, c.frequency_dim, Start::small);
  add_linear(prefix + "timestep_embedder.linear_2", c.hidden, c.hidden, Start::small);
  if (c.classes > 0) {
    add(prefix + "class_embedder.embedding_table.weight", {c.classes + 1, c.hidden}, Start::small);
  }
}

void ParameterLayout::add_resolution_embedders(const ModelConfig& c) {
  for (std::int64_t block = 0; block < (c.per_block_embedders ? c.layers : 1); ++block) {
    const std::string prefix = embedder_prefix(c, block) + "latent_size_embedder.";
    add_linear(prefix + "linear_1", c.hidden, c.frequency_dim, Start::small);
    add_linear(prefix + "linear_2", c.hidden, c.hidden, Start::small);
  }
}

std::int64_t ParameterLayout::count() const {
  std::int64_t total = 0;
  for (const Parameter& parameter : parameters_) total += parameter.size();
  return total;
}

const Parameter& ParameterLayout::at(std::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return parameter;
  }
  throw Error(fmt::format("the model has no parameter '{}'", name));
}

template <class T>
void initialise(const ParameterLayout& layout, std::uint64_t seed, std::span<T> block) {
  std::fill(block.begin(), block.end(), T(0));
  std::uint64_t number = 0;
  for (const Parameter& parameter : layout.parameters()) {
    const RandomSequence random(seed, Purpose::initial_weights, number++);
    const std::span<T> values = block.subspan(std::size_t(parameter.offset), std::size_t(parameter.size()));
    if (parameter.start == Start::one) std::fill(values.begin(), values.end(), T(1));
    if (parameter.start == Start::small) random.fill_normal(values, 0.02);
    if (parameter.start == Start::xavier) {
      const std::int64_t out = parameter.shape[0], in = parameter.size() / out;
      const double bound = std::sqrt(6.0 / double(in + out));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = T(bound * (2 * random.uniform(i) - 1));
    }
  }
}

template void initialise(const ParameterLayout&, std::uint64_t, std::span<float>);
template void initialise(const ParameterLayout&, std::uint64_t, std::span<double>);

}  // namespace llsa::diffusion
