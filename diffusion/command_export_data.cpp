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
  std::string data, folder;
  std::int64_t size = 0, count = 0;
  std::uint64_t seed = 1;

  void execute(const CommandContext& context) const;
};

void ExportDataCommand::execute(const CommandContext& context) const {
  if (size < 1 || size > 4096) throw Error(fmt::format("size is {}; it must be 1 to 4096", size));
  if (count < 0) throw Error(fmt::format("number of pictures is {}; it must be 0 (all) or more", count));
  program::CommandFiles paths;
  paths.reads("--data", datasets::next_seed(data).empty() ? data : std::string());
  paths.writes_into("--folder", folder, &PictureFolder::is_own);
  paths.check();
  const auto set = datasets::open_dataset(data);
  if (count > set->size()) throw Error(fmt::format("number of pictures is {}; {} has {}", count, data, set->size()));
  const datasets::ShuffledOrder order(set->size(), seed);
  const std::int64_t wanted = count == 0 ? set->size() : count;
  const PictureFolder pictures(
      folder, {{"made_by", "llsa-diffusion export-data"}, {"data", data}, {"size", size}, {"seed", seed}});
  std::int64_t written = 0, kept = 0;
  for (std::int64_t i = 0; i < wanted; ++i) {
    if (context.stop.stop_requested()) throw Cancelled();
    if (pictures.has(i)) {
      ++kept;
      continue;
    }
    files::Image picture;
    try {
      picture = set->item(order(static_cast<std::uint64_t>(i)), static_cast<int>(size)).image;
    } catch (const Error& unreadable) {
      say(fmt::format("left out: {}", unreadable.what()));
      continue;
    }
    pictures.write(i, picture);
    ++written;
  }
  if (written + kept == 0) throw Error(fmt::format("{}: none of the pictures can be read", data));
  say(fmt::format("wrote {} pictures of {} x {} to {}, {} were there", written, size, size, folder, kept));
}

}  // namespace

void add_export_data_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("export-data", "write the pictures of a data set, as a model sees them");
  const auto c = std::make_shared<ExportDataCommand>();
  app->add_option("--data", c->data, "as in train: a folder, or shapes[:SEED], landscape[:SEED]")->required();
  program::add_number(*app, "--size", c->size, "pixels of a side")->required();
  app->add_option("--folder", c->folder, "where they go, 000000.png and so on; those that are there are kept")
      ->required();
  program::add_number(*app, "--count", c->count, "number of pictures; 0: all");
  program::add_number(*app, "--seed", c->seed, "of the order in which they are taken");
  app->callback([c, &context] { c->execute(context); });
}

}  // namespace llsa::diffusion
