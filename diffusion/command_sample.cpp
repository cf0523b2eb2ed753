#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "diffusion/command.hpp"
#include "diffusion/overrides.hpp"
#include "diffusion/pictures.hpp"
#include "diffusion/sampler.hpp"
#include "files/make_folder.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"

namespace llsa::diffusion {
namespace fs = std::filesystem;
namespace {

struct SampleCommand {
  std::string checkpoint, grid, folder, steps_folder;
  std::vector<std::int32_t> labels;
  SampleOptions options;
  std::int64_t batch = 16, columns = 0, zoom = 0;
  Overrides attention;
  ComputeOptions compute;

  void execute(const CommandContext& context) const;
};

void SampleCommand::execute(const CommandContext& context) const {
  if (grid.empty() && folder.empty() && steps_folder.empty()) {
    throw Error("nothing to write; give --grid, --folder or --steps-folder");
  }
  const auto at_least = [](const char* what, std::int64_t value, std::int64_t low) {
    if (value < low) throw Error(fmt::format("{} is {}; it must be at least {}", what, value, low));
  };
  at_least("batch", batch, 1);
  at_least("number of columns", columns, 0);
  at_least("zoom", zoom, 0);
  const auto is_picture = [](std::string_view name) { return name.ends_with(".png"); };
  program::CommandFiles paths;
  paths.reads("--checkpoint", checkpoint);
  paths.writes("--grid", grid);
  paths.writes_into("--folder", folder, is_picture);
  paths.writes_into("--steps-folder", steps_folder, is_picture);
  paths.check();
  const Model loaded = load_model(checkpoint);
  nlohmann::json json = to_json(loaded.config);
  attention.apply(json);
  const ModelConfig config = model_config_from(json);
  const Model model = with_settings(loaded, config);
  SampleOptions wanted = options;
  // A short list of labels is repeated, so that `--label 3` means pictures of class 3.
  validate(wanted, config);
  for (std::int64_t i = 0; !labels.empty() && i < options.count; ++i) {
    wanted.labels.push_back(labels[std::size_t(i) % labels.size()]);
  }
  validate(wanted, config);
  const std::int64_t size = config.image_size, elements = config.image_elements();
  const std::int64_t across = columns ? columns : grid_columns(wanted.count), scale = zoom ? zoom : grid_zoom(size);
  if (!grid.empty()) grid_extent(wanted.count, size, across, scale);
  Runner runner(config, {.batch = std::min(batch, wanted.count)}, compute.backend, compute.threads);
  runner.threads.set_stop_token(context.stop);
  const auto write_one = [&](const fs::path& to, std::span<const float> pictures, std::int64_t i) {
    files::write_png(
        to, to_image(pictures.subspan(std::size_t(i * elements), std::size_t(elements)), config.channels, size));
  };
  for (const std::string* each : {&folder, &steps_folder}) {
    if (!each->empty()) files::make_folder(*each);
  }
  SampleObserver observer = [&](std::int64_t first, int step, std::span<const float> x) {
    if (context.stop.stop_requested()) throw Cancelled();
    for (std::int64_t i = 0; !steps_folder.empty() && i < std::int64_t(x.size()) / elements; ++i) {
      write_one(fs::path(steps_folder) / fmt::format("{:06d}-step-{:03d}.png", first + i, step), x, i);
    }
  };
  const AlignedVector<float> pictures = sample(runner.model, model.weights, model.flow, wanted, observer);
  for (std::int64_t i = 0; !folder.empty() && i < wanted.count; ++i) {
    write_one(fs::path(folder) / fmt::format("{:06d}.png", i), pictures, i);
  }
  if (!grid.empty()) {
    files::write_png(grid, picture_grid(pictures, config.channels, size, across, scale));
  }
  say(fmt::format("sampled {} pictures with {} attention", wanted.count, config.attention.method));
}

}  // namespace

void add_sample_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("sample", "make pictures with a trained model");
  const auto c = std::make_shared<SampleCommand>();
  app->add_option("--checkpoint", c->checkpoint, "a checkpoint or model")->required();
  app->add_option("--grid", c->grid, "write all pictures as one PNG");
  app->add_option("--folder", c->folder, "write every picture as its own PNG, 000000.png and so on");
  app->add_option("--steps-folder", c->steps_folder, "write every picture after every step, noise included");
  program::add_number(*app, "--count", c->options.count, "number of pictures");
  program::add_number(*app, "--steps", c->options.steps, "sampling steps");
  add_solver_options(*app, c->options);
  program::add_number(*app, "--guidance", c->options.guidance, "classifier-free guidance; 1: none");
  program::add_number(*app, "--seed", c->options.seed, "of the noise");
  app->add_option("--label", c->labels, "labels in turn (default: every class in turn)")
      ->delimiter(',')
      ->check(program::exact_number<std::int32_t>());
  program::add_number(*app, "--batch", c->batch, "pictures in one pass");
  program::add_number(*app, "--columns", c->columns, "of the grid; 0: about square");
  program::add_number(*app, "--zoom", c->zoom, "of the grid; 0: at least 64 pixels a picture");
  add_attention_options(*app, c->attention, "/attention");
  c->compute.add(*app);
  app->callback([c, &context] { c->execute(context); });
}

}  // namespace llsa::diffusion
