#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "diffusion/command.hpp"
#include "diffusion/data.hpp"
#include "diffusion/overrides.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"

namespace llsa::diffusion {
namespace {

/// The settings of the run that a model comes from, with folders of pictures by their own names alone: where they lie
/// on one machine is nobody's business elsewhere.
std::string without_folders(const std::string& training) {
  nlohmann::json json = nlohmann::json::parse(training, nullptr, false);
  if (!json.is_object() || !json.contains("data")) return training;
  for (const char* field : {"place", "validation"}) {
    nlohmann::json& place = json["data"][field];
    if (!place.is_string() || folder_of_pictures(place.get<std::string>()).empty()) continue;
    const std::filesystem::path path = place.get<std::string>();
    place = (path.has_filename() ? path : path.parent_path()).filename().string();
  }
  return json.dump();
}

}  // namespace

void add_export_command(CLI::App& program, CommandContext&) {
  struct Arguments {
    std::string checkpoint, out, precision = "f16";
    Overrides attention;
  };
  CLI::App* app = program.add_subcommand("export", "write the averaged weights of a checkpoint alone, to pass on");
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("--checkpoint", arguments->checkpoint, "a checkpoint or model")->required();
  app->add_option("--output", arguments->out, "file to write (.safetensors)")->required();
  app->add_option("--precision", arguments->precision, "f16, bf16 or f32")->capture_default_str();
  add_attention_options(*app, arguments->attention, "/attention");
  app->callback([arguments] {
    program::CommandFiles paths;
    paths.reads("--checkpoint", arguments->checkpoint);
    paths.writes("--output", arguments->out);
    paths.check();
    files::ElementType type = files::ElementType::f32;
    if (arguments->precision == "f16")
      type = files::ElementType::f16;
    else if (arguments->precision == "bf16")
      type = files::ElementType::bf16;
    else if (arguments->precision != "f32") {
      throw Error(fmt::format("precision is '{}'; it must be f16, bf16 or f32", arguments->precision));
    }
    Model model = load_model(arguments->checkpoint);
    model.training = without_folders(model.training);
    nlohmann::json json = to_json(model.config);
    arguments->attention.apply(json);
    save_model(arguments->out, with_settings(model, model_config_from(json)), type);
    say(fmt::format("wrote {}", arguments->out));
  });
}

}  // namespace llsa::diffusion
