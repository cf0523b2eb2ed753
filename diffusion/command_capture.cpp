#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "diffusion/capture.hpp"
#include "diffusion/command.hpp"
#include "diffusion/overrides.hpp"
#include "diffusion/pictures.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"

namespace llsa::diffusion {
namespace {

struct CaptureCommand {
  std::string checkpoint, out, picture;
  SampleOptions sampling{.count = 1};
  CaptureOptions options;
  std::int64_t head = -1;
  std::vector<std::int32_t> labels;
  Overrides attention;
  ComputeOptions compute;

  void execute(const CommandContext& context) const {
    program::CommandFiles paths;
    paths.reads("--checkpoint", checkpoint);
    paths.writes("--output", out);
    paths.writes("--picture", picture);
    paths.check();
    const Model loaded = load_model(checkpoint);
    nlohmann::json json = to_json(loaded.config);
    attention.apply(json);
    const ModelConfig config = model_config_from(json);
    const Model model = with_settings(loaded, config);
    SampleOptions wanted = sampling;
    validate(wanted, config);
    for (std::int64_t i = 0; !labels.empty() && i < wanted.count; ++i) {
      wanted.labels.push_back(labels[std::size_t(i) % labels.size()]);
    }
    CaptureOptions what = options;
    if (head != -1) what.head = head;
    validate(wanted, config);
    if (!picture.empty()) grid_extent(wanted.count, config.extent, grid_columns(wanted.count), 1);
    Runner runner(config, {.batch = wanted.count}, compute.backend, compute.threads);
    runner.threads.set_stop_token(context.stop);
    Capture taken = capture(runner.stages, model.weights, model.flow, wanted, what);
    files::write_safetensors(out, taken.file);
    if (!picture.empty()) {
      write_frames(picture, grid_frames(taken.pictures, config.channels, config.extent, grid_columns(wanted.count), 1));
    }
    say(fmt::format("wrote q, k, v {} of layer {} at step {} to {}",
                    files::describe_shape(taken.file.tensors.front().shape()), what.layer, what.step, out));
  }
};

}  // namespace

void add_capture_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("capture", "write Q, K and V of a layer at a sampling step");
  const auto c = std::make_shared<CaptureCommand>();
  app->add_option("--checkpoint", c->checkpoint, "a checkpoint or model")->required();
  program::add_number(*app, "--layer", c->options.layer, "transformer block, from 0")->required();
  program::add_number(*app, "--step", c->options.step, "sampling step, from 0")->required();
  app->add_option("--output", c->out, "file to write (.safetensors)")->required();
  program::add_number(*app, "--head", c->head, "one head, from 0; -1: all");
  app->add_option("--picture", c->picture, "also write the sampled pictures as PNG, videos as an animated one");
  program::add_number(*app, "--count", c->sampling.count, "pictures (the batch)");
  program::add_number(*app, "--steps", c->sampling.steps, "sampling steps");
  add_solver_options(*app, c->sampling);
  program::add_number(*app, "--guidance", c->sampling.guidance, "classifier-free guidance; 1: none");
  program::add_number(*app, "--seed", c->sampling.seed, "of the noise");
  app->add_option("--label", c->labels, "labels in turn (default: every class in turn)")
      ->delimiter(',')
      ->check(program::exact_number<std::int32_t>());
  add_attention_options(*app, c->attention, "/attention");
  c->compute.add(*app);
  app->callback([c, &context] { c->execute(context); });
}

}  // namespace llsa::diffusion
