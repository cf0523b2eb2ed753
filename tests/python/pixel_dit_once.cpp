// pixel_dit_once CHECKPOINT INPUT OUTPUT: one step of the program's own model, for test_pixel_dit.py. INPUT holds noisy
// and target `[batch, channels, height, width]` (of videos `[batch, frames, ...]`), times `[batch]` and labels
// `[batch]` (I32); OUTPUT receives the velocity, the loss `[1]` and the gradient of every parameter by its name.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <span>
#include <vector>

#include "backends/backends.hpp"
#include "diffusion/aligned.hpp"
#include "diffusion/checkpoint.hpp"
#include "diffusion/dit.hpp"
#include "diffusion/flow.hpp"
#include "diffusion/layers/eigen_layers.hpp"
#include "files/safetensors.hpp"

namespace {

using namespace llsa;
using namespace llsa::diffusion;

void run(const std::filesystem::path& checkpoint, const std::filesystem::path& input,
         const std::filesystem::path& output) {
  const Model model = load_model(checkpoint);
  const files::TensorFile given = files::read_safetensors(input);
  const auto noisy = given.at("noisy").as<float>(), target = given.at("target").as<float>();
  const auto times = given.at("times").as<float>();
  const auto labels = given.at("labels").as<std::int32_t>();
  const auto batch = static_cast<std::int64_t>(times.size());

  ThreadPool threads(2);
  EigenLayers<float> layers(threads);
  const auto attention = make_attention<float>(model.config.attention.method, "reference", threads);
  Dit<float> dit(model.config, {.batch = batch, .training = true}, layers, *attention);
  AlignedVector<float> velocity(noisy.size()), velocity_gradient(noisy.size()), gradients(model.weights.size());
  dit.forward(model.weights, batch, noisy.data(), times.data(), labels.data(), velocity.data());
  const auto loss = static_cast<float>(squared_error<float>(velocity, target, 1.0, velocity_gradient));
  dit.backward(model.weights, batch, labels.data(), velocity_gradient.data(), gradients);

  std::vector<files::NamedTensor> results;
  results.emplace_back("velocity", given.at("noisy").shape(), std::span<const float>(velocity));
  results.emplace_back("loss", std::vector<std::int64_t>{1}, std::span<const float>(&loss, 1));
  for (const Parameter& p : dit.layout().parameters())
    results.emplace_back(p.name, p.shape,
                         std::span<const float>(gradients.data() + p.offset, static_cast<std::size_t>(p.size())));
  files::write_safetensors(output, results);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pixel_dit_once: %s\n", error.what());
    return 1;
  }
  return 0;
}
