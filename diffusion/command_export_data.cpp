#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "datasets/dataset.hpp"
#include "datasets/loader.hpp"
#include "diffusion/command.hpp"
#include "diffusion/picture_folder.hpp"
#include "program/command_files.hpp"

namespace llsa::diffusion {
namespace {

struct ExportDataCommand {
  std::string data, folder, size;
  std::int64_t frames = 1, count = 0;
  std::uint64_t seed = 1;

  void execute(const CommandContext& context) const;
};

void ExportDataCommand::execute(const CommandContext& context) const {
  files::PictureExtent extent = files::picture_extent_from(size, "size");
  const auto in_range = [](std::int64_t side) { return side >= 1 && side <= 4096; };
  if (!in_range(extent.height) || !in_range(extent.width))
    throw Error(fmt::format("size is {}; it must be 1 to 4096, or height x width of 1 to 4096 each", size));
  if (frames < 1 || frames > 1024) throw Error(fmt::format("number of frames is {}; it must be 1 to 1024", frames));
  extent.frames = frames;
  if (count < 0) throw Error(fmt::format("number of pictures is {}; it must be 0 (all) or more", count));
  program::CommandFiles paths;
  paths.reads("--data", datasets::next_seed(data).empty() ? data : std::string());
  paths.writes_into("--folder", folder, &PictureFolder::is_own);
  paths.check();
  const auto set = datasets::open_dataset(data);
  if (count > set->size()) throw Error(fmt::format("number of pictures is {}; {} has {}", count, data, set->size()));
  const datasets::ShuffledOrder order(set->size(), seed);
  const std::int64_t wanted = count == 0 ? set->size() : count;
  set->expect_possible(extent);
  nlohmann::json made_with = {
      {"made_by", "llsa-diffusion export-data"}, {"data", data}, {"size", size_to_json(extent)}, {"seed", seed}};
  if (!extent.is_picture()) made_with["frames"] = frames;
  const PictureFolder pictures(folder, made_with, frames);
  std::int64_t written = 0, kept = 0;
  for (std::int64_t i = 0; i < wanted; ++i) {
    if (context.stop.stop_requested()) throw Cancelled();
    if (pictures.has(i)) {
      ++kept;
      continue;
    }
    datasets::Sample picture;
    try {
      picture = set->item(order(static_cast<std::uint64_t>(i)), extent);
    } catch (const Error& unreadable) {
      say(fmt::format("left out: {}", unreadable.what()));
      continue;
    }
    pictures.write(i, picture.frames);
    ++written;
  }
  if (written + kept == 0) throw Error(fmt::format("{}: none of the pictures can be read", data));
  say(fmt::format("wrote {} {} of {} to {}, {} were there", written, extent.is_picture() ? "pictures" : "videos",
                  files::describe(extent), folder, kept));
}

}  // namespace

void add_export_data_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("export-data", "write the pictures of a data set, as a model sees them");
  const auto c = std::make_shared<ExportDataCommand>();
  app->add_option("--data", c->data, "as in train: a folder, or shapes[:SEED], landscape[:SEED]")->required();
  app->add_option("--size", c->size, "pixels along a side, or HxW")->required();
  program::add_number(*app, "--frames", c->frames, "of a video; 1: pictures");
  app->add_option("--folder", c->folder, "where they go, as sample --folder names them; those that are there are kept")
      ->required();
  program::add_number(*app, "--count", c->count, "number of pictures; 0: all");
  program::add_number(*app, "--seed", c->seed, "of the order in which they are taken");
  app->callback([c, &context] { c->execute(context); });
}

}  // namespace llsa::diffusion
