#include "demo/model_captures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "diffusion/capture.hpp"
#include "diffusion/checkpoint.hpp"
#include "diffusion/pictures.hpp"
#include "diffusion/runner.hpp"
#include "files/make_folder.hpp"
#include "files/safetensors.hpp"

namespace llsa::demo {
namespace {

constexpr int steps = 20;
constexpr double guidance = 2;

/// The second, the middle and the last layer, as far as there are so many.
std::set<std::int64_t> layers_of(const diffusion::ModelConfig& config) {
  const std::int64_t last = config.layers - 1;
  return {std::min<std::int64_t>(1, last), config.layers / 2, last};
}

}  // namespace

ModelCaptures capture_model(const std::filesystem::path& checkpoint, std::int32_t label,
                            const std::filesystem::path& folder, int threads, std::stop_token stop,
                            const std::function<void(const std::string&)>& progress) {
  const diffusion::Model model = diffusion::load_model(checkpoint);
  diffusion::SampleOptions sampling{.count = 1, .steps = steps};
  if (model.config.classes > 0) {
    sampling.guidance = guidance;
    sampling.labels = {label};
  }
  validate(sampling, model.config);
  diffusion::Runner runner(model.config, {.batch = 1}, "reference", threads);
  runner.threads.set_stop_token(stop);
  files::make_folder(folder);
  ModelCaptures written{.tensors = {}, .picture = folder / "picture.png"};
  for (const std::int64_t layer : layers_of(model.config)) {
    progress(fmt::format("the model makes a picture; keeping layer {}", layer));
    const diffusion::Capture taken = diffusion::capture(runner.model, model.weights, model.flow, sampling,
                                                        {.layer = layer, .step = steps / 2, .head = {}});
    written.tensors.push_back(folder / fmt::format("layer-{}.safetensors", layer));
    files::write_safetensors(written.tensors.back(), taken.file);
    files::write_png(written.picture,
                     diffusion::to_image(taken.pictures, model.config.channels, model.config.image_size));
  }
  return written;
}

}  // namespace llsa::demo
