#include "diffusion/overrides.hpp"

#include <fmt/format.h>

#include "diffusion/config.hpp"
#include "files/extent.hpp"
#include "llsa/error.hpp"
#include "program/attention_options.hpp"

namespace llsa::diffusion {
namespace {

/// What `json` says at a pointer; null when it says nothing.
nlohmann::json value_at(const nlohmann::json& json, const std::string& pointer) {
  const nlohmann::json::json_pointer at(pointer);
  return json.contains(at) ? json.at(at) : nlohmann::json();
}

}  // namespace

CLI::Option* Overrides::add_flag(CLI::App& app, const std::string& option, const std::string& pointer,
                                 nlohmann::json value, const std::string& help) {
  return app.add_flag_callback(
      option,
      [given = given_, option, pointer, value] {
        given->push_back({option, pointer, value});
      },
      help);
}

bool Overrides::has(const std::string& pointer) const {
  for (const Given& each : *given_) {
    if (each.pointer == pointer) return true;
  }
  return false;
}

void Overrides::apply(nlohmann::json& json) const {
  for (const Given& each : *given_) {
    const nlohmann::json::json_pointer at(each.pointer);
    if (each.value.is_null()) {
      json[at.parent_pointer()].erase(at.back());
    } else {
      json[at] = each.value;
    }
  }
}

void Overrides::require_equal(const nlohmann::json& json) const {
  nlohmann::json wanted = json;
  apply(wanted);
  for (const Given& each : *given_) {
    const nlohmann::json now = value_at(json, each.pointer), then = value_at(wanted, each.pointer);
    if (now != then) {
      throw Error(fmt::format("{} asks for {}, but the run to resume has {}; leave it out, or start a new run",
                              each.option, then.is_null() ? "auto" : then.dump(), now.is_null() ? "auto" : now.dump()));
    }
  }
}

void add_extent_options(CLI::App& app, Overrides& overrides) {
  app.add_option_function<std::string>(
      "--image-size",
      [overrides](const std::string& text) mutable {
        overrides.set("--image-size", "/model/image_size",
                      size_to_json(files::picture_extent_from(text, "--image-size")));
      },
      "pixels along a side, or HxW (default 32)");
  overrides.add<std::int64_t>(app, "--frames", "/model/frames", "of a video; 1: pictures (default)");
}

void add_attention_options(CLI::App& app, Overrides& overrides, const std::string& prefix) {
  const auto a = std::make_shared<program::AttentionArguments>();
  const auto given = [a, overrides, prefix](const std::string& option) mutable {
    const auto number_or_null = [](const std::optional<int>& count) {
      return count ? nlohmann::json(*count) : nlohmann::json();
    };
    const auto set = [&](const char* field, nlohmann::json value) {
      overrides.set(option, prefix + field, std::move(value));
    };
    if (option == "--method") set("/name", *a->method);
    if (option == "--block-size") set("/block_size", *a->block_size);
    if (option == "--levels") set("/levels", number_or_null(*a->levels));
    if (option == "--top-k") set("/top_k", *a->top_k);
    if (option == "--enrichment-levels") set("/enrichment_levels", number_or_null(*a->enrichment_levels));
    if (option == "--no-reweight") set("/reweight", false);
    if (option == "--coverage") set("/coverage", std::string(name_of(*a->coverage)));
    if (option == "--scale") set("/scale", *a->scale);
  };
  program::add_attention_options(app, *a, {.on_given = given});
}

}  // namespace llsa::diffusion
