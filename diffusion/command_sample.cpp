#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "diffusion/command.hpp"
#include "diffusion/overrides.hpp"
#include "diffusion/picture_folder.hpp"
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
  /// A short list of labels is repeated, so that `--label 3` means pictures of class 3.
  void set_labels(SampleOptions& of) const;
  /// All that decides what a numbered picture looks like.
  nlohmann::json made_with(const Model& model, const ModelConfig& config) const;
};

void SampleCommand::set_labels(SampleOptions& of) const {
  of.labels.clear();
  for (std::int64_t i = of.first; !labels.empty() && i < of.first + of.count; ++i) {
    of.labels.push_back(labels[std::size_t(i) % labels.size()]);
  }
}

nlohmann::json SampleCommand::made_with(const Model& model, const ModelConfig& config) const {
  return {{"made_by", "llsa-diffusion sample"},
          {"weights", hash_of_weights(model)},
          {"model", to_json(config)},
          {"steps", options.steps},
          {"sampler", name_of(options.solver)},
          {"guidance", options.guidance},
          {"guidance_interval", {options.guidance_low, options.guidance_high}},
          {"seed", options.seed},
          {"labels", labels}};
}

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
  paths.writes_into("--folder", folder, &PictureFolder::is_own);
  paths.writes_into("--steps-folder", steps_folder, is_picture);
  paths.check();
  const Model loaded = load_model(checkpoint);
  nlohmann::json json = to_json(loaded.config);
  attention.apply(json);
  const ModelConfig config = model_config_from(json);
  const Model model = with_settings(loaded, config);
  SampleOptions wanted = options;
  wanted.labels.clear();
  validate(wanted, config);
  set_labels(wanted);
  validate(wanted, config);
  const files::PictureExtent& extent = config.extent;
  const std::int64_t elements = config.image_elements();
  const std::int64_t across = columns ? columns : grid_columns(wanted.count), scale = zoom ? zoom : grid_zoom(extent);
  if (!grid.empty()) grid_extent(wanted.count, extent, across, scale);
  Runner runner(config, {.batch = std::min(batch, wanted.count)}, compute.backend, compute.threads);
  runner.threads.set_stop_token(context.stop);
  const auto write_one = [&](const fs::path& to, std::span<const float> pictures, std::int64_t i) {
    write_frames(
        to, to_frames(pictures.subspan(std::size_t(i * elements), std::size_t(elements)), config.channels, extent));
  };
  std::optional<PictureFolder> kept;
  if (!folder.empty()) kept.emplace(folder, made_with(loaded, config), extent.frames);
  if (!steps_folder.empty()) files::make_folder(steps_folder);
  SampleObserver observer = [&](std::int64_t first, int step, std::span<const float> x) {
    if (context.stop.stop_requested()) throw Cancelled();
    for (std::int64_t i = 0; !steps_folder.empty() && i < std::int64_t(x.size()) / elements; ++i) {
      write_one(fs::path(steps_folder) / fmt::format("{:06d}-step-{:03d}.png", first + i, step), x, i);
    }
  };
  // One pass of the model after the other. Where pictures are wanted one by one only, those that are there are left
  // out.
  const bool only_folder = grid.empty() && steps_folder.empty();
  AlignedVector<float> all;
  std::int64_t sampled = 0;
  for (std::int64_t next = 0; next < wanted.count;) {
    SampleOptions pass = wanted;
    pass.first = next;
    pass.count = 0;
    const auto there = [&](std::int64_t i) { return only_folder && kept->has(i); };
    while (next < wanted.count && pass.count < batch && !there(next)) ++pass.count, ++next;
    if (pass.count == 0) {
      ++next;
      continue;
    }
    set_labels(pass);
    const AlignedVector<float> pictures = sample(runner.stages, model.weights, model.flow, pass, observer);
    for (std::int64_t i = 0; kept && i < pass.count; ++i) {
      const auto one = std::span(pictures).subspan(std::size_t(i * elements), std::size_t(elements));
      kept->write(pass.first + i, to_frames(one, config.channels, extent));
    }
    if (!grid.empty()) all.insert(all.end(), pictures.begin(), pictures.end());
    sampled += pass.count;
  }
  if (!grid.empty()) {
    write_frames(grid, grid_frames(all, config.channels, extent, across, scale));
  }
  const char* const what = extent.is_picture() ? "pictures" : "videos";
  if (sampled < wanted.count) say(fmt::format("{} {} were there already", wanted.count - sampled, what));
  say(fmt::format("sampled {} {} with {} attention", sampled, what, config.attention.method));
}

}  // namespace

void add_sample_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("sample", "make pictures with a trained model");
  const auto c = std::make_shared<SampleCommand>();
  app->add_option("--checkpoint", c->checkpoint, "a checkpoint or model")->required();
  app->add_option("--grid", c->grid, "write all pictures as one PNG, videos as an animated one");
  app->add_option("--folder", c->folder,
                  "write every picture as its own PNG, 000000.png and so on; of videos every frame, 000000-000.png");
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
