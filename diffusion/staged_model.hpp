#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "diffusion/dit.hpp"
#include "diffusion/stages.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::diffusion {

/// The models of all stages, coarsest first. They have the same parameters, laid out as those of the whole model; a
/// plain model is its own one stage.
class StagedModel {
 public:
  /// A plain model, which must outlive this. Throws `Error` when it is one stage of several.
  StagedModel(Dit<float>& plain);
  /// `layers`, `attention` (of the configuration's method, for the highest stage) and `threads` must outlive it; the
  /// stages below have attention of their own on `backend`.
  StagedModel(const ModelConfig& config, const DitPlan& plan, Layers<float>& layers, Attention<float>& attention,
              ThreadPool& threads, const std::string& backend = "reference", Profile* profile = nullptr);

  const ModelConfig& config() const { return config_; }
  const DitPlan& plan() const { return highest().plan(); }
  std::size_t size() const { return stages_.size(); }
  const Stage& stage(std::size_t k) const { return stages_[k]; }
  Dit<float>& model(std::size_t k) const { return *models_[k]; }
  Dit<float>& highest() const { return *models_.back(); }
  std::int64_t arena_bytes() const;

  /// Pictures of stage `k` as large as the whole model's, every pixel repeated.
  AlignedVector<float> at_full_size(std::size_t k, std::span<const float> pictures) const;

 private:
  ModelConfig config_;
  std::vector<Stage> stages_;
  std::unique_ptr<Attention<float>> dense_;
  std::vector<std::unique_ptr<Dit<float>>> own_;
  std::vector<Dit<float>*> models_;
};

}  // namespace llsa::diffusion
