#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "diffusion/command.hpp"
#include "diffusion/overrides.hpp"
#include "diffusion/trainer.hpp"
#include "files/folder_lock.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"

namespace llsa::diffusion {
namespace {

struct TrainCommand {
  Overrides settings;
  RunOptions run;
  std::string preset = "tiny", init_from;
  bool resume = false, unconditional = false, plain_noise = false, no_mirror = false;
  CLI::Option* preset_option = nullptr;

  void add_options(CLI::App& app);
  TrainConfig new_config(const TrainingData& data) const;
  TrainConfig resumed_config(const TrainConfig& saved) const;
  void expect_free_places(const RunOptions& options) const;
  void execute(CommandContext& context) const;
};

void TrainCommand::add_options(CLI::App& app) {
  run.checkpoint_minutes = 10;
  run.sample_minutes = 5;
  app.add_option("--output", run.out, "folder of the run")->required();
  settings.add<std::string>(app, "--data", "/data/place", "a folder, shapes:SEED or landscape:SEED (default shapes)");
  settings.add<std::string>(app, "--validation-data", "/data/validation", "pictures to validate on, like --data");
  app.add_flag("--resume", resume, "continue from the newest checkpoint in --output; starts anew when there is none");
  app.add_option("--init-from", init_from, "take over weights of this checkpoint, for example of smaller pictures");
  preset_option = app.add_option("--preset", preset, "tiny, S or B")->capture_default_str();
  add_extent_options(app, settings);
  settings.add<std::int64_t>(app, "--stages", "/model/stages",
                             "of growing resolution, each twice the one before; 1: none (default)");
  settings.add<std::int64_t>(app, "--channels", "/model/channels", "3, or 1 for grey");
  settings.add<std::int64_t>(app, "--patch-size", "/model/patch_size", "pixels along a side of a token (default 1)");
  settings.add<std::int64_t>(app, "--hidden", "/model/hidden", "width of the residual stream");
  settings.add<std::int64_t>(app, "--layers", "/model/layers", "transformer blocks");
  settings.add<std::int64_t>(app, "--heads", "/model/heads", "attention heads");
  settings.add<std::int64_t>(app, "--mlp-ratio", "/model/mlp_ratio", "width of the MLP in hidden sizes");
  settings.add<std::int64_t>(app, "--frequency-dim", "/model/frequency_dim", "sinusoidal timestep features");
  settings.add_flag(app, "--per-block-embedders", "/model/per_block_embedders", true, "as diffusers' DiT checkpoints");
  settings.add<double>(app, "--rope-base", "/model/rope_base", "base of the rotary embedding's wavelengths");
  settings.add<std::string>(app, "--order", "/model/order", "token order: raster, morton or hilbert");
  app.add_flag("--unconditional", unconditional, "do not use labels");
  add_attention_options(app, settings, "/model/attention");
  settings.add<std::string>(app, "--time-sampling", "/flow/time", "uniform, logit-normal or shift");
  settings.add<double>(app, "--noise-scale", "/flow/noise_scale",
                       "s (default: size / 64 above 64 pixels, uniform times)");
  settings.add<double>(app, "--time-shift", "/flow/time_shift",
                       "of --time-sampling shift (default: size / 64, at least 1)");
  settings.add<std::int64_t>(app, "--steps", "/steps", "training steps in all (default 5000)");
  settings.add<std::int64_t>(app, "--batch", "/batch", "pictures a step");
  settings.add<std::int64_t>(app, "--micro-batch", "/micro_batch", "pictures in one pass (default: the batch)");
  settings.add<double>(app, "--lr", "/learning_rate", "peak learning rate");
  settings.add<std::int64_t>(app, "--warmup", "/warmup", "steps over which the learning rate rises");
  settings.add<std::string>(app, "--schedule", "/schedule", "cosine (default) or constant");
  settings.add<double>(app, "--weight-decay", "/weight_decay", "of AdamW");
  settings.add<double>(app, "--beta1", "/beta1", "of AdamW");
  settings.add<double>(app, "--beta2", "/beta2", "of AdamW");
  settings.add<double>(app, "--clip", "/clip", "largest gradient norm (default: the noise scale); 0: no clipping");
  settings.add<double>(app, "--ema", "/average_decay", "decay of the averaged weights");
  settings.add<double>(app, "--label-dropout", "/label_dropout", "share of pictures trained without label");
  settings.add_flag(app, "--mirror", "/mirror", true, "mirror half of the pictures");
  settings.add_flag(app, "--recompute", "/recompute", true, "gradient checkpointing: less memory, more time");
  settings.add<std::uint64_t>(app, "--seed", "/seed", "of everything random");
  settings.add<std::int64_t>(app, "--validation-pictures", "/validation_pictures",
                             "how many (default 64, of one folder at most a tenth)");
  program::add_number(app, "--checkpoint-every", run.checkpoint_every, "steps; 0: at the end only");
  program::add_number(app, "--checkpoint-minutes", run.checkpoint_minutes, "minutes; 0: not by the clock");
  program::add_number(app, "--keep", run.keep, "checkpoints kept");
  program::add_number(app, "--log-every", run.log_every, "steps; 0: never");
  program::add_number(app, "--validate-every", run.validate_every, "steps; 0: at the end only");
  program::add_number(app, "--sample-every", run.sample_every, "steps; 0: at the end only");
  program::add_number(app, "--sample-minutes", run.sample_minutes,
                      "minutes, more where samples take long; 0: not by the clock");
  program::add_number(app, "--sample-count", run.sample_count, "pictures in a sample grid");
  app.add_option("--backend", run.backend, "implementation of attention")->capture_default_str();
  program::add_number(app, "--threads", run.threads, "threads; 0 takes every core");
  app.add_flag("--quiet", run.quiet, "no progress line");
  app.add_flag("--tensorboard", run.events, "write the log and the samples as TensorBoard's events, too");
}

/// Preset, then the data's classes, then what the user gave; the paper's noise rescaling where nothing else was asked
/// for.
TrainConfig TrainCommand::new_config(const TrainingData& data) const {
  TrainConfig config;
  config.model = diffusion::preset(preset);
  if (!unconditional) {
    config.model.classes = std::int64_t(data.classes().size());
    config.model.class_names = data.classes();
  }
  nlohmann::json json = to_json(config);
  settings.apply(json);
  const double ratio = resolution_ratio(model_config_from(json["model"]).extent);
  const std::string time = json["flow"]["time"].get<std::string>();
  if (!settings.has("/flow/noise_scale") && time == "uniform") json["flow"]["noise_scale"] = ratio;
  if (!settings.has("/clip")) json["clip"] = json["flow"]["noise_scale"];  // the target, and with it gradients, grow so
  if (!settings.has("/flow/time_shift") && time == "shift") json["flow"]["time_shift"] = ratio;
  return train_config_from(json);
}

/// The checkpoint's settings; what the user gave must be the same, except that a run may be made longer or shorter.
TrainConfig TrainCommand::resumed_config(const TrainConfig& saved) const {
  nlohmann::json json = to_json(saved);
  if (settings.has("/steps")) {
    nlohmann::json wanted = json;
    settings.apply(wanted);
    json["steps"] = wanted["steps"];
  }
  json["model"]["frames"] = saved.model.extent.frames;  // said even where they are 1, to be compared
  json["model"]["stages"] = saved.model.stages;
  settings.require_equal(json);
  const ModelConfig named = diffusion::preset(preset);
  const bool same =
      named.hidden == saved.model.hidden && named.layers == saved.model.layers && named.heads == saved.model.heads;
  if (preset_option->count() > 0 && !same && !settings.has("/model/hidden") && !settings.has("/model/layers") &&
      !settings.has("/model/heads")) {
    throw Error(
        fmt::format("--preset {} is not the model of the run to resume; leave it out, or start a new run", preset));
  }
  if (unconditional && saved.model.classes > 0) {
    throw Error("--unconditional was given, but the run to resume uses labels; leave it out, or start a new run");
  }
  return train_config_from(json);
}

/// A run neither writes over what it starts from nor into the pictures that it learns from.
void TrainCommand::expect_free_places(const RunOptions& options) const {
  nlohmann::json json = to_json(TrainConfig{});
  settings.apply(json);
  program::CommandFiles paths;
  paths.reads("--data", folder_of_pictures(json["data"]["place"].get<std::string>()));
  if (const std::string place = json["data"]["validation"].get<std::string>(); !place.empty())
    paths.reads("--validation-data", folder_of_pictures(place));
  paths.reads("--init-from", init_from);
  const auto written = [](std::string_view name) {
    return name.starts_with("step-") || name.starts_with("events.") || name == "log.jsonl" || name == "loss.png";
  };
  for (const std::filesystem::path& folder :
       {options.out, options.out / "checkpoints", options.out / "samples", options.out / "tensorboard"})
    paths.writes_into("--output", folder, written);
  paths.check();
}

void TrainCommand::execute(CommandContext& context) const {
  RunOptions options = run;
  if (!init_from.empty()) options.init_from = init_from;
  validate(options);
  expect_free_places(options);
  const files::FolderLock lock(options.out, "a training run");
  const CheckpointFolder folder(options.out / "checkpoints");
  if (!resume && !folder.steps().empty()) {
    throw Error(fmt::format("{}: holds a run already; continue it with --resume, or choose another --output",
                            options.out.string()));
  }
  std::vector<std::string> skipped;
  std::optional<Checkpoint> checkpoint;
  if (resume) checkpoint = folder.newest(skipped);
  for (const std::string& line : skipped) say("passed over " + line);

  TrainConfig config;
  std::optional<TrainState> state;
  DataConfig places;
  if (checkpoint) {
    config = resumed_config(checkpoint->config);
    places = config.data;
  } else {
    nlohmann::json json = to_json(TrainConfig{});
    settings.apply(json);
    places = {.place = json["data"]["place"].get<std::string>(),
              .validation = json["data"]["validation"].get<std::string>()};
  }
  nlohmann::json counts = to_json(checkpoint ? config : TrainConfig{});
  settings.apply(counts);
  const auto labels = checkpoint      ? labels_of(config.model)
                      : unconditional ? std::optional(std::vector<std::string>())
                                      : std::nullopt;
  const auto held_out = counts["validation_pictures"].get<std::int64_t>();
  const bool is_said = checkpoint || settings.has("/validation_pictures");
  const TrainingData data(places, held_out, labels, is_said ? HoldOut::as_said : HoldOut::a_tenth_at_most);
  if (checkpoint) {
    state = std::move(checkpoint->state);
  } else {
    config = new_config(data);
    if (!is_said) config.validation_pictures = std::min(held_out, data.validation_size());
  }
  const TrainState last = train(
      config, options, data, std::move(state), [&] { return context.stop.stop_requested(); }, say);
  const std::string where = folder.path_of(last.step).string();
  if (last.step < config.steps) {
    say(fmt::format("interrupted at step {}; saved {}; continue with --resume", last.step, where));
    context.exit_code = exit_interrupted;
  } else {
    say(fmt::format("done; saved {}", where));
  }
}

}  // namespace

void add_train_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("train", "train a model, or continue a run");
  const auto command = std::make_shared<TrainCommand>();
  command->add_options(*app);
  app->callback([command, &context] { command->execute(context); });
}

}  // namespace llsa::diffusion
