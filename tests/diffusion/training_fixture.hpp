#pragma once

#include <string>

#include "diffusion/learner.hpp"
#include "diffusion/runner.hpp"
#include "diffusion/sampler.hpp"
#include "diffusion/settings.hpp"
#include "gradient_check.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::diffusion::testing {

using room::read_text;
using room::TemporaryFolder;

/// The smallest model that uses everything: labels, two levels, two blocks.
inline TrainConfig small_training() {
  TrainConfig config;
  config.model = {.extent = files::square(8),
                  .hidden = 16,
                  .layers = 2,
                  .heads = 2,
                  .mlp_ratio = 2,
                  .classes = 10,
                  .frequency_dim = 16};
  config.model.attention.options.block_size = 4;
  config.model.attention.options.levels = 2;
  config.model.attention.options.top_k = {2};
  config.steps = 20;
  config.batch = 4;
  config.warmup = 5;
  config.validation_pictures = 4;
  return config;
}

inline AlignedVector<float> random_pictures(const TrainConfig& config, std::int64_t count) {
  const Numbers numbers = normal_numbers(count * config.model.image_elements(), 50, 0.5);
  return {numbers.begin(), numbers.end()};
}

/// A learner with threads of its own.
struct Trial {
  TrainConfig config;
  ThreadPool threads;
  EigenLayers<float> layers{threads};
  std::unique_ptr<Attention<float>> attention = make_attention<float>("reference", threads);
  Learner learner;

  explicit Trial(const TrainConfig& c, int thread_count = 1)
      : config(c), threads(thread_count), learner(c, initial_state(c), layers, *attention, threads) {}
};

/// A small model with weights that make labels and positions matter.
struct Sampled {
  ModelConfig config;
  Runner runner;
  AlignedVector<float> weights;

  explicit Sampled(std::int64_t batch = 4, const ModelConfig& c = small_training().model)
      : config(c), runner(config, {.batch = batch}, "reference", 1) {
    const Numbers numbers = normal_numbers(runner.model.layout().size(), 3, 0.2);
    weights.assign(numbers.begin(), numbers.end());
  }
  AlignedVector<float> run(const SampleOptions& options, const SampleObserver& observer = {}) {
    return sample(runner.stages, weights, {}, options, observer);
  }
};

}  // namespace llsa::diffusion::testing
