#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "diffusion/block.hpp"
#include "diffusion/embedder.hpp"
#include "diffusion/parameters.hpp"
#include "diffusion/tokens.hpp"

namespace llsa::diffusion {

/// How a model's memory is planned.
struct DitPlan {
  std::int64_t batch = 1;  ///< the most pictures one pass may have
  bool training = false;   ///< keep what backward needs
  bool recompute = false;  ///< gradient checkpointing: keep each block's input only, run its forward again
};

/// The pixel diffusion transformer: tokens = embed(picture); blocks; final modulated norm and projection; picture.
/// It predicts the velocity of the flow for noisy pictures at given times. Parameters are passed in, so that the same
/// model runs trained and averaged weights. All activations lie in one arena that is planned and allocated on
/// construction.
template <class T>
class Dit {
 public:
  /// `layers` and `attention` must outlive it; `attention` is that of method `config.attention.method`, see
  /// `make_attention`. Throws `Error` when the configuration is out of range.
  Dit(const ModelConfig& config, const DitPlan& plan, Layers<T>& layers, Attention<T>& attention,
      Profile* profile = nullptr);
  Dit(const Dit&) = delete;
  Dit& operator=(const Dit&) = delete;

  const ModelConfig& config() const { return config_; }
  const DitPlan& plan() const { return plan_; }
  const ParameterLayout& layout() const { return layout_; }
  std::int64_t arena_bytes() const { return arena_.bytes(); }

  /// `images` and `velocity` `[batch, frames, channels, height, width]`, `times` `[batch]` in 0..1, `labels` `[batch]`
  /// in 0..classes (ignored when classes == 0). `batch` is at most the planned one.
  void forward(std::span<const T> parameters, std::int64_t batch, const T* images, const T* times,
               const std::int32_t* labels, T* velocity);
  /// The gradient of what the last `forward` computed, with the same arguments: adds to `gradients`, which is laid out
  /// like the parameters. Only when planned for training.
  void backward(std::span<const T> parameters, std::int64_t batch, const std::int32_t* labels,
                const T* velocity_gradient, std::span<T> gradients);

  /// Called during `forward` with every block's number and attention inputs (views valid during the call only).
  using Observer = std::function<void(std::int64_t block, const AttentionInputs<T>& inputs)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  BlockShape block_shape(std::int64_t batch) const;
  BlockContext<T> context(std::int64_t block);
  BlockActivations<T>& activations(std::int64_t block);
  EmbedderActivations<T>& embedder_of(std::int64_t block);
  T* stream(std::int64_t block);
  template <class P>
  BlockTensors<P> block_tensors(P* parameters, std::int64_t block) const;
  template <class P>
  EmbedderTensors<P> embedder_tensors(P* parameters, std::int64_t embedder) const;
  template <class P>
  P* tensor(P* parameters, const std::string& name) const {
    return parameters + layout_.at(name).offset;
  }

  ModelConfig config_;
  DitPlan plan_;
  ParameterLayout layout_;
  Layers<T>* layers_;
  Attention<T>* attention_;
  Profile* profile_;
  Options attention_options_;
  TokenMap map_;
  RotaryTable<T> rotary_;
  EmbedderShape embedder_shape_;
  Observer observer_;

  Arena<T> arena_;
  T* input_ = nullptr;                       // [rows, token_dim]
  std::vector<T*> stream_;                   // residual stream before each block and after the last, [rows, hidden]
  std::vector<BlockActivations<T>> blocks_;  // one per block, or one for all
  std::vector<EmbedderActivations<T>> embedders_;
  T *final_modulation_ = nullptr, *final_normed_ = nullptr, *final_mean_ = nullptr, *final_rstd_ = nullptr;
  T* output_ = nullptr;  // [rows, token_dim]
  BlockScratch<T> scratch_;
  T *stream_gradient_ = nullptr, *final_modulation_gradient_ = nullptr;
};

}  // namespace llsa::diffusion
