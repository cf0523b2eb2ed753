#include "diffusion/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

/// Calls `visit(name, field)` for every plain field, so that reading and writing cannot drift apart.
template <class Config, class Visit>
void for_fields(Config& c, const Visit& visit) {
  visit("steps", c.steps);
  visit("batch", c.batch);
  visit("micro_batch", c.micro_batch);
  visit("learning_rate", c.learning_rate);
  visit("warmup", c.warmup);
  visit("schedule", c.schedule);
  visit("weight_decay", c.weight_decay);
  visit("beta1", c.beta1);
  visit("beta2", c.beta2);
  visit("clip", c.clip);
  visit("average_decay", c.average_decay);
  visit("label_dropout", c.label_dropout);
  visit("mirror", c.mirror);
  visit("recompute", c.recompute);
  visit("seed", c.seed);
  visit("validation_pictures", c.validation_pictures);
}

void require_count(const char* field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw Error(fmt::format("{} is {}; it must be {} to {}", field, value, low, high));
  }
}

/// Written so that NaN is refused.
void require_number(const char* field, double value, bool good, const char* allowed) {
  if (!good || !std::isfinite(value)) throw Error(fmt::format("{} is {}; it must be {}", field, value, allowed));
}

void require_name(const char* field, const std::string& value, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    throw Error(fmt::format("{} is '{}'; it must be {}", field, value, fmt::join(allowed, ", ")));
  }
}

}  // namespace

void validate(const TrainConfig& c) {
  validate(c.model);
  validate(c.flow);
  require_count("steps", c.steps, 1, 1'000'000'000);
  require_count("batch", c.batch, 1, 1 << 20);
  if (c.batch < c.model.stages) {
    throw Error(fmt::format("batch is {}; it must be at least the number of stages, {}", c.batch, c.model.stages));
  }
  require_count("micro batch", c.micro_batch, 0, c.batch);
  if (c.batch % c.pass_size() != 0) {
    throw Error(fmt::format("micro batch is {}; it must divide the batch {}", c.micro_batch, c.batch));
  }
  require_number("learning rate", c.learning_rate, c.learning_rate > 0, "above 0");
  require_count("warmup", c.warmup, 0, 1'000'000'000);
  require_name("schedule", c.schedule, {"constant", "cosine"});
  require_number("weight decay", c.weight_decay, c.weight_decay >= 0, "at least 0");
  require_number("beta1", c.beta1, c.beta1 >= 0 && c.beta1 < 1, "at least 0 and below 1");
  require_number("beta2", c.beta2, c.beta2 >= 0 && c.beta2 < 1, "at least 0 and below 1");
  require_number("clip", c.clip, c.clip >= 0, "at least 0");
  require_number("average decay", c.average_decay, c.average_decay >= 0 && c.average_decay < 1,
                 "at least 0 and below 1");
  require_number("label dropout", c.label_dropout, c.label_dropout >= 0 && c.label_dropout <= 1, "0 to 1");
  require_count("validation pictures", c.validation_pictures, 1, 1'000'000);
  if (c.data.place.empty()) throw Error("data names no pictures; give a folder, shapes:SEED or landscape:SEED");
}

nlohmann::json to_json(const TrainConfig& c) {
  nlohmann::json json;
  for_fields(c, [&](const char* name, const auto& field) { json[name] = field; });
  json["model"] = to_json(c.model);
  json["flow"] = to_json(c.flow);
  json["data"] = {{"place", c.data.place}, {"validation", c.data.validation}};
  return json;
}

TrainConfig train_config_from(const nlohmann::json& json) {
  TrainConfig c;
  try {
    for_fields(c, [&](const char* name, auto& field) { json.at(name).get_to(field); });
    c.model = model_config_from(json.at("model"));
    c.flow = flow_config_from(json.at("flow"));
    json.at("data").at("place").get_to(c.data.place);
    json.at("data").at("validation").get_to(c.data.validation);
  } catch (const nlohmann::json::exception& problem) {
    throw Error(fmt::format("training configuration is not usable: {}", problem.what()));
  }
  validate(c);
  return c;
}

}  // namespace llsa::diffusion
