#include "diffusion/overrides.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "llsa/error.hpp"
#include "llsa/method.hpp"

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

void add_attention_options(CLI::App& app, Overrides& overrides, const std::string& prefix) {
  /// A count, or "auto" for leaving the field out.
  const auto add_optional = [&](const std::string& option, const std::string& pointer, const std::string& help) {
    app.add_option_function<std::string>(
        option,
        [overrides, option, pointer](const std::string& text) mutable {
          int value = 0;
          const char* const end = text.data() + text.size();
          if (text == "auto") {
            overrides.set(option, pointer, nullptr);
          } else if (const auto parsed = std::from_chars(text.data(), end, value);
                     parsed.ec == std::errc() && parsed.ptr == end) {
            overrides.set(option, pointer, value);
          } else {
            throw Error(fmt::format("{} is '{}'; it must be a count or auto", option, text));
          }
        },
        help);
  };
  overrides.add<std::string>(app, "--attention", prefix + "/name",
                             fmt::format("method: {}", fmt::join(method_names(), ", ")));
  overrides.add<std::int64_t>(app, "--block-size", prefix + "/block_size", "tokens in a block, B");
  add_optional("--levels", prefix + "/levels", "coarse levels L, or auto");
  overrides.add<std::vector<std::int64_t>>(app, "--top-k", prefix + "/top_k", "K, one number or one for each level")
      ->delimiter(',')
      ->check(program::exact_number<std::int64_t>());
  add_optional("--enrichment", prefix + "/enrichment_levels", "enriched levels Le, or auto (all)");
  overrides.add_flag(app, "--no-reweight", prefix + "/reweight", false, "coarse keys weigh as much as fine ones");
  overrides.add<std::string>(app, "--coverage", prefix + "/coverage", "overlapping or disjoint");
}

}  // namespace llsa::diffusion
