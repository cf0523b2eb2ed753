#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program/exact_number.hpp"

namespace llsa::diffusion {

/// Settings that a user gave on the command line, to be laid over a configuration in JSON: over defaults in a new run,
/// or held against what a checkpoint says when a run is resumed.
class Overrides {
 public:
  /// Adds an option whose value goes to `pointer` (as in "/model/hidden").
  template <class T>
  CLI::Option* add(CLI::App& app, const std::string& option, const std::string& pointer, const std::string& help) {
    CLI::Option* const added = app.add_option_function<T>(
        option,
        [given = given_, option, pointer](const T& value) {
          given->push_back({option, pointer, value});
        },
        help);
    if constexpr (std::is_arithmetic_v<T>) added->check(program::exact_number<T>());
    return added;
  }
  /// A flag that stands for one value.
  CLI::Option* add_flag(CLI::App& app, const std::string& option, const std::string& pointer, nlohmann::json value,
                        const std::string& help);
  void set(const std::string& option, const std::string& pointer, nlohmann::json value) {
    given_->push_back({option, pointer, std::move(value)});
  }

  bool has(const std::string& pointer) const;
  /// Lays everything over `json`. A null value removes the field.
  void apply(nlohmann::json& json) const;
  /// Throws `Error` naming the first option whose value is not what `json` already says.
  void require_equal(const nlohmann::json& json) const;

 private:
  struct Given {
    std::string option, pointer;
    nlohmann::json value;
  };
  /// Shared with the options' callbacks, which outlive a move of this object.
  std::shared_ptr<std::vector<Given>> given_ = std::make_shared<std::vector<Given>>();
};

/// --image-size and --frames, onto the settings of the model at "/model".
void add_extent_options(CLI::App& app, Overrides& overrides);

/// The options of `program::add_attention_options` but for --order, onto the attention settings at `prefix`
/// ("/model/attention" or "/attention").
void add_attention_options(CLI::App& app, Overrides& overrides, const std::string& prefix);

}  // namespace llsa::diffusion
