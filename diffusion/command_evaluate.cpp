#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "diffusion/command.hpp"
#include "diffusion/evaluate.hpp"
#include "diffusion/overrides.hpp"
#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"

namespace llsa::diffusion {
namespace {

struct EvaluateCommand {
  std::string checkpoint, place, training_place, json_file;
  EvaluateOptions options;
  Overrides attention;

  Batch real_pictures(const Model& model, const ModelConfig& config) const;
  void execute(const CommandContext& context) const;
};

/// Those of --data, else the validation pictures of the run that the model comes from.
Batch EvaluateCommand::real_pictures(const Model& model, const ModelConfig& config) const {
  const std::int64_t wanted = 2 * options.count;
  if (!place.empty()) {
    const auto set = datasets::open_dataset(place, datasets::Split::test, config.class_names);
    return load_pictures(*set, config, 0, wanted, say);
  }
  const nlohmann::json training = nlohmann::json::parse(model.training, nullptr, false);
  if (!training.is_object()) {
    throw Error(fmt::format("{}: does not say what the model was trained on; give --data", checkpoint));
  }
  const TrainConfig trained = train_config_from(training);
  return TrainingData(trained.data, trained.validation_pictures, labels_of(config)).validation(config, wanted, say);
}

void EvaluateCommand::execute(const CommandContext& context) const {
  if (options.count < 2 || options.count > 1'000'000) {
    throw Error(fmt::format("number of pictures is {}; it must be 2 to 1000000", options.count));
  }
  program::CommandFiles paths;
  paths.reads("--checkpoint", checkpoint);
  if (!place.empty()) paths.reads("--data", folder_of_pictures(place));
  if (!training_place.empty()) paths.reads("--nearest", folder_of_pictures(training_place));
  paths.writes("--json", json_file);
  paths.check();
  const Model model = load_model(checkpoint);
  nlohmann::json json = to_json(model.config);
  attention.apply(json);
  const ModelConfig config = model_config_from(json);
  const Batch real = real_pictures(model, config);
  EvaluateOptions wanted = options;
  wanted.stop = context.stop;
  std::unique_ptr<datasets::Dataset> training;
  if (!training_place.empty()) training = datasets::open_dataset(training_place);
  wanted.training = training.get();
  const nlohmann::ordered_json report = evaluate(model, config, real, wanted);
  fmt::print("{}", evaluation_table(report));
  if (!json_file.empty()) files::write_file_atomically(json_file, report.dump(2) + "\n");
}

}  // namespace

void add_evaluate_command(CLI::App& program, CommandContext& context) {
  CLI::App* app =
      program.add_subcommand("evaluate", "judge a model: losses and distances beside the real-against-real floor");
  const auto c = std::make_shared<EvaluateCommand>();
  app->add_option("--checkpoint", c->checkpoint, "a checkpoint or model")->required();
  app->add_option("--data", c->place, "real pictures (default: the run's validation pictures)");
  app->add_option("--nearest", c->training_place,
                  "also say how near the nearest of these pictures is, those of training: whether they were copied");
  program::add_number(*app, "--count", c->options.count, "pictures in each set");
  program::add_number(*app, "--steps", c->options.steps, "sampling steps");
  add_solver_options(*app, c->options);
  program::add_number(*app, "--guidance", c->options.guidance, "classifier-free guidance; 1: none");
  program::add_number(*app, "--directions", c->options.directions, "of the sliced Wasserstein distance");
  program::add_number(*app, "--seed", c->options.seed, "of noise, times and directions");
  program::add_number(*app, "--batch", c->options.batch, "pictures in one pass");
  app->add_flag("!--no-full", c->options.against_dense, "do not compare with dense attention");
  app->add_option("--json", c->json_file, "also write the report as JSON");
  app->add_option("--backend", c->options.backend, "implementation of attention")->capture_default_str();
  program::add_number(*app, "--threads", c->options.threads, "threads; 0 takes every core");
  add_attention_options(*app, c->attention, "/attention");
  app->callback([c, &context] { c->execute(context); });
}

}  // namespace llsa::diffusion
