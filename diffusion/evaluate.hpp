#pragma once

#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "diffusion/checkpoint.hpp"
#include "diffusion/data.hpp"
#include "diffusion/sampler.hpp"

namespace llsa::diffusion {

struct EvaluateOptions {
  std::int64_t count = 256;  ///< pictures in each of the three sets: real, real again, generated
  int steps = 20, directions = 256;
  Solver solver = Solver::euler;
  double guidance = 1, guidance_low = 0, guidance_high = 1;  ///< as in `SampleOptions`
  std::uint64_t seed = 1;
  std::int64_t batch = 16;
  bool against_dense = true;  ///< also sample the same noise under dense attention
  /// Pictures that the model may have copied: how near the nearest of them is, to generated and to real ones.
  const datasets::Dataset* training = nullptr;
  std::string backend = "reference";
  int threads = 0;
  std::stop_token stop = {};  ///< a request ends the evaluation with `Cancelled`
};

/// Judges a model on real pictures: `real` is split into two halves, one to compare with and one that shows how far
/// apart two sets of real pictures are (the floor). Reports validation loss on fixed noise and times, sliced
/// Wasserstein distance, spectrum and channel moments, each beside its floor, with the number of pictures and the seed;
/// and, when asked, loss and samples of the same weights and noise under dense attention. Labels of generated pictures
/// are those of the first half. Throws `Error` when there are fewer than four pictures.
nlohmann::ordered_json evaluate(const Model& model, const ModelConfig& config, const Batch& real,
                                const EvaluateOptions& options);

/// The report as a table to read.
std::string evaluation_table(const nlohmann::ordered_json& report);

}  // namespace llsa::diffusion
