#include "demo/model_captures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "diffusion/capture.hpp"
#include "diffusion/checkpoint.hpp"
#include "diffusion/pictures.hpp"
#include "diffusion/runner.hpp"
#include "files/make_folder.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"

namespace llsa::demo {
namespace {

constexpr int steps = 20;
constexpr double guidance = 2;

/// The second, the middle and the last layer.
std::array<std::int64_t, 3> layers_of(const diffusion::ModelConfig& config) {
  const std::int64_t last = config.layers - 1;
  return {std::min<std::int64_t>(1, last), config.layers / 2, last};
}

constexpr std::array<std::int64_t, 3> shown_steps{steps / 4, steps / 2, 3 * steps / 4};

}  // namespace

ModelCaptures capture_model(const std::filesystem::path& checkpoint, std::int32_t label,
                            const std::filesystem::path& folder, int threads, std::stop_token stop,
                            const std::function<void(const std::string&)>& progress) {
  const diffusion::Model model = diffusion::load_model(checkpoint);
  if (model.config.stages > 1) {
    throw Error(fmt::format("{}: the model has {} stages of growing resolution; the demo shows plain models",
                            checkpoint.string(), model.config.stages));
  }
  diffusion::SampleOptions sampling{.count = 1, .steps = steps};
  if (model.config.classes > 0) {
    sampling.guidance = guidance;
    sampling.labels = {label};
  }
  validate(sampling, model.config);
  diffusion::Runner runner(model.config, {.batch = 1}, "reference", threads);
  runner.threads.set_stop_token(stop);
  files::make_folder(folder);
  std::vector<diffusion::CapturePlace> places;
  for (const std::int64_t step : shown_steps)
    for (const std::int64_t layer : layers_of(model.config)) places.push_back({layer, step});
  progress("the model makes a picture; keeping what three of its layers see at three steps");
  const diffusion::Captures taken =
      diffusion::capture_places(runner.model, model.weights, model.flow, sampling, places);
  const auto write_picture = [&](const std::filesystem::path& to, std::span<const float> picture) {
    files::write_png(to, diffusion::to_image(picture, model.config.channels, model.config.extent));
  };
  ModelCaptures written{.tensors = {}, .picture = folder / "picture.png", .forming = {}};
  write_picture(written.picture, taken.pictures);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto [layer, step] = places[i];
    const CaptureFiles now{folder / fmt::format("layer-{}-step-{}.safetensors", layer, step),
                           folder / fmt::format("expected-step-{}.png", step)};
    files::write_safetensors(now.tensors, taken.files[i]);
    if (layer == places.front().layer) write_picture(now.picture, taken.expected[i]);
    written.forming.push_back(now);
    if (step == shown_steps[1] && std::ranges::count(written.tensors, now.tensors) == 0)
      written.tensors.push_back(now.tensors);
  }
  return written;
}

}  // namespace llsa::demo
