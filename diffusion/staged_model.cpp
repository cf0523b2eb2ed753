#include "diffusion/staged_model.hpp"

#include "backends/backends.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {

StagedModel::StagedModel(Dit<float>& plain) : config_(plain.config()), models_{&plain} {
  if (config_.part_of_stages) {
    throw Error("the model works in stages of growing resolution; only llsa-diffusion's own commands run such models");
  }
  stages_ = stages_of(config_);
}

StagedModel::StagedModel(const ModelConfig& config, const DitPlan& plan, Layers<float>& layers,
                         Attention<float>& attention, ThreadPool& threads, const std::string& backend, Profile* profile)
    : config_(config), stages_(stages_of(config)) {
  if (stages_.size() > 1) dense_ = make_attention<float>("full", backend, threads);
  for (const Stage& stage : stages_) {
    Attention<float>& own = &stage == &stages_.back() ? attention : *dense_;
    own_.push_back(std::make_unique<Dit<float>>(stage.model, plan, layers, own, profile));
    models_.push_back(own_.back().get());
  }
}

std::int64_t StagedModel::arena_bytes() const {
  std::int64_t bytes = 0;
  for (const Dit<float>* each : models_) bytes += each->arena_bytes();
  return bytes;
}

AlignedVector<float> StagedModel::at_full_size(std::size_t k, std::span<const float> pictures) const {
  AlignedVector<float> now(pictures.begin(), pictures.end()), next;
  for (; k + 1 < stages_.size(); ++k) {
    const ModelConfig& model = stages_[k].model;
    const std::int64_t planes = std::int64_t(now.size()) / model.extent.pixels_of_a_frame();
    next.resize(4 * now.size());
    enlarge(planes, model.extent.height, model.extent.width, now, next);
    std::swap(now, next);
  }
  return now;
}

}  // namespace llsa::diffusion
