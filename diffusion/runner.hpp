#pragma once

#include <memory>
#include <string>

#include "backends/backends.hpp"
#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/staged_model.hpp"

namespace llsa::diffusion {

/// What it takes to run a model, put together: threads, layers, attention, the model itself.
struct Runner {
  Runner(const ModelConfig& config, const DitPlan& plan, const std::string& backend, int thread_count,
         Profile* profile = nullptr)
      : threads(thread_count),
        layers(threads, profile),
        attention(make_attention<float>(config.attention.method, backend, threads)),
        stages(config, plan, layers, *attention, threads, backend, profile),
        model(stages.highest()) {}

  ThreadPool threads;
  EigenLayers<float> layers;
  std::unique_ptr<Attention<float>> attention;
  StagedModel stages;  ///< one, of a plain model
  Dit<float>& model;   ///< the highest stage: all of a plain model
};

}  // namespace llsa::diffusion
