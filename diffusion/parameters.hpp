#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diffusion/aligned.hpp"
#include "diffusion/config.hpp"

namespace llsa::diffusion {

/// How a parameter starts.
enum class Start {
  zero,
  one,
  xavier,  ///< uniform in +-sqrt(6 / (in + out)), for `[out, in, ...]`
  small,   ///< normal with standard deviation 0.02
};

/// One named array of numbers in the parameter block.
struct Parameter {
  std::string name;                 ///< as in diffusers' DiT checkpoints, where those have it
  std::vector<std::int64_t> shape;  ///< row-major; `[out, in]` for products
  std::int64_t offset = 0;          ///< in numbers, from the start of the block
  Start start = Start::zero;
  std::int64_t size() const;
};

/// All parameters of a model, laid out one after the other in one block. The weights of query, key and value lie next
/// to each other, and so do their biases, so that they form one product. Other arrays start on a cache line (the gaps
/// stay 0). What only models of stages and then what only some attention methods have comes last: the others' layouts
/// are beginnings of theirs, and equal seeds give equal initial values.
class ParameterLayout {
 public:
  explicit ParameterLayout(const ModelConfig& config);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Numbers in the block, gaps included.
  std::int64_t size() const { return size_; }
  /// Numbers without the gaps.
  std::int64_t count() const;
  /// Throws `Error` when there is none of that name.
  const Parameter& at(std::string_view name) const;

 private:
  void add(std::string name, std::vector<std::int64_t> shape, Start start, bool adjacent = false);
  void add_linear(const std::string& name, std::int64_t out, std::int64_t in, Start start);
  void add_embedder(const std::string& prefix, const ModelConfig& config);
  void add_resolution_embedders(const ModelConfig& config);

  std::vector<Parameter> parameters_;
  std::int64_t size_ = 0;
};

/// Initial values, a function of the layout and the seed.
template <class T>
void initialise(const ParameterLayout& layout, std::uint64_t seed, std::span<T> block);

/// Name prefix of a block's parameters, "transformer_blocks.3.".
std::string block_prefix(std::int64_t block);
/// Name, without ".weight" or ".bias", of what a block of a model with method "sla" has besides: W_p `[head_dim,
/// head_dim]` and b_p `[head_dim]`, shared by its heads.
std::string linear_projection_name(std::int64_t block);
/// Name prefix of the embedder that block `block` uses; the final layer uses block 0's.
std::string embedder_prefix(const ModelConfig& config, std::int64_t block);

}  // namespace llsa::diffusion
