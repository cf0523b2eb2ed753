#include "diffusion/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "diffusion/learner.hpp"
#include "diffusion/metrics.hpp"
#include "diffusion/nearest.hpp"
#include "diffusion/runner.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

using Json = nlohmann::ordered_json;

/// Everything that is compared between two sets of pictures.
Json compare_sets(std::span<const float> a, std::span<const float> b, const ModelConfig& config,
                  const EvaluateOptions& options, ThreadPool& threads) {
  const MomentDistance moments = moment_distance(channel_moments(a, config.channels, config.extent),
                                                 channel_moments(b, config.channels, config.extent));
  return {{"sliced_wasserstein",
           sliced_wasserstein(a, b, config.image_elements(), options.directions, options.seed, threads)},
          {"spectrum_db", spectrum_distance(radial_spectrum(a, config.channels, config.extent, threads),
                                            radial_spectrum(b, config.channels, config.extent, threads))},
          {"mean", moments.mean},
          {"deviation", moments.deviation},
          {"skewness", moments.skewness}};
}

struct Generated {
  std::vector<double> losses;  ///< one a stage
  AlignedVector<float> pictures;

  double loss() const { return std::accumulate(losses.begin(), losses.end(), 0.0) / double(losses.size()); }
};

Generated generate(const Model& loaded, const ModelConfig& config, std::span<const float> real,
                   std::span<const std::int32_t> labels, const EvaluateOptions& o) {
  const Model model = with_settings(loaded, config);
  const std::int64_t count = static_cast<std::int64_t>(labels.size());
  Runner runner(config, {.batch = std::min(o.batch, count)}, o.backend, o.threads);
  runner.threads.set_stop_token(o.stop);
  SampleOptions sampling{.count = count,
                         .steps = o.steps,
                         .solver = o.solver,
                         .guidance = o.guidance,
                         .guidance_low = o.guidance_low,
                         .guidance_high = o.guidance_high,
                         .seed = o.seed,
                         .labels = {}};
  if (config.classes > 0) sampling.labels.assign(labels.begin(), labels.end());
  return {validation_losses(runner.stages, model.weights, model.flow, o.seed, real, labels, runner.threads),
          sample(runner.stages, model.weights, model.flow, sampling)};
}

/// The smallest and the median distance from the nearest of a set.
Json nearest_summary(std::span<const float> pictures, const datasets::Dataset& set, const ModelConfig& config,
                     ThreadPool& threads) {
  std::vector<double> distances = nearest_distances(pictures, set, config, threads);
  std::ranges::sort(distances);
  return {{"smallest", distances.front()}, {"median", distances[distances.size() / 2]}};
}

}  // namespace

Json evaluate(const Model& model, const ModelConfig& config, const Batch& real, const EvaluateOptions& o) {
  if (o.directions < 1 || o.directions > 1'000'000)
    throw Error(fmt::format("directions are {}; they must be 1 to 1000000", o.directions));
  if (o.batch < 1) throw Error(fmt::format("batch is {}; it must be at least 1", o.batch));
  const std::int64_t half = real.count() / 2;
  if (half < 2) throw Error(fmt::format("{} pictures to evaluate on; at least 4 are needed", real.count()));
  const auto numbers = std::size_t(half * config.image_elements());
  const std::span<const float> first = std::span(real.pictures).first(numbers);
  const std::span<const float> second = std::span(real.pictures).subspan(numbers, numbers);
  const std::span<const std::int32_t> labels = std::span(real.labels).first(std::size_t(half));

  ThreadPool threads(o.threads);
  threads.set_stop_token(o.stop);
  const Generated own = generate(model, config, first, labels, o);
  Json report = {{"pictures", half},
                 {"seed", o.seed},
                 {"sampling_steps", o.steps},
                 {"guidance", o.guidance},
                 {"guidance_interval", {o.guidance_low, o.guidance_high}},
                 {"sampler", name_of(o.solver)},
                 {"directions", o.directions},
                 {"attention", config.attention.method},
                 {"validation_loss", own.loss()},
                 {"generated_against_real", compare_sets(own.pictures, first, config, o, threads)},
                 {"real_against_real", compare_sets(second, first, config, o, threads)}};
  if (own.losses.size() > 1) report["validation_loss_of_stages"] = own.losses;
  if (o.training) {
    report["nearest_training_picture"] = {{"generated", nearest_summary(own.pictures, *o.training, config, threads)},
                                          {"real", nearest_summary(first, *o.training, config, threads)}};
  }
  if (o.against_dense && config.attention.method != "full") {
    ModelConfig full = config;
    full.attention.method = "full";
    const Generated dense = generate(model, full, first, labels, o);
    const Difference d = difference(own.pictures, dense.pictures);
    report["full_attention"] = {{"validation_loss", dense.loss()},
                                {"generated_against_real", compare_sets(dense.pictures, first, config, o, threads)}};
    report["same_noise_difference"] = {{"mean_absolute", d.mean_absolute},
                                       {"root_mean_square", d.root_mean_square},
                                       {"largest", d.largest},
                                       {"psnr_db", d.psnr}};
  }
  return report;
}

std::string evaluation_table(const Json& r) {
  const bool dense = r.contains("full_attention");
  const std::string name = r["attention"].get<std::string>();
  std::string text = fmt::format("{} pictures in each set, seed {}, {} steps of {}, guidance {}, {} directions\n",
                                 r["pictures"].dump(), r["seed"].dump(), r["sampling_steps"].dump(),
                                 r["sampler"].get<std::string>(), r["guidance"].dump(), r["directions"].dump());
  const auto row = [&](const std::string& what, const std::string& own, const std::string& full,
                       const std::string& floor) {
    text += fmt::format("{:<28}{:>14}", what, own);
    if (dense) text += fmt::format("{:>14}", full);
    text += fmt::format("{:>14}\n", floor);
  };
  const auto number = [](const Json& value) { return fmt::format("{:.5g}", value.get<double>()); };
  row("", name, "full", "real-real");
  row("validation loss", number(r["validation_loss"]), dense ? number(r["full_attention"]["validation_loss"]) : "",
      "-");
  if (r.contains("validation_loss_of_stages")) {
    for (std::size_t k = 0; k < r["validation_loss_of_stages"].size(); ++k)
      row(fmt::format("  of stage {}", k), number(r["validation_loss_of_stages"][k]), "-", "-");
  }
  const std::pair<const char*, const char*> rows[] = {{"sliced Wasserstein", "sliced_wasserstein"},
                                                      {"spectrum distance, dB", "spectrum_db"},
                                                      {"largest mean difference", "mean"},
                                                      {"largest deviation diff.", "deviation"},
                                                      {"largest skewness diff.", "skewness"}};
  for (const auto& [title, key] : rows) {
    row(title, number(r["generated_against_real"][key]),
        dense ? number(r["full_attention"]["generated_against_real"][key]) : "", number(r["real_against_real"][key]));
  }
  if (r.contains("nearest_training_picture")) {
    const Json& nearest = r["nearest_training_picture"];
    const auto words = [&](const char* of) {
      return number(nearest[of]["smallest"]) + " smallest, " + number(nearest[of]["median"]) + " median";
    };
    text += fmt::format("nearest training picture, root mean square difference: {}; of real pictures: {}\n",
                        words("generated"), words("real"));
  }
  if (dense) {
    const Json& d = r["same_noise_difference"];
    text += fmt::format(
        "same noise, {} against full: mean absolute {}, root mean square {}, largest {} (pictures in -1..1)\n", name,
        number(d["mean_absolute"]), number(d["root_mean_square"]), number(d["largest"]));
  }
  return text;
}

}  // namespace llsa::diffusion
