#include "program/attention_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "llsa/error.hpp"
#include "llsa/method.hpp"
#include "program/list_option.hpp"

namespace llsa::program {
namespace {

/// A count of levels, or "auto" for none.
std::optional<int> count_or_auto(const std::string& option, const std::string& text) {
  if (text == "auto") return std::nullopt;
  const auto number = number_from<int>(text);
  if (!number)
    throw Error(fmt::format("{} is '{}'; it must be auto or a whole number from 0 to {}", option, text, max_levels));
  return number;
}

std::vector<std::int64_t> top_k_from(const std::string& option, const std::string& text) {
  auto numbers = numbers_from<std::int64_t>(text);
  if (!numbers)
    throw Error(
        fmt::format("{} is '{}'; it must be a whole number, or one for each level separated by commas, "
                    "level 1 first",
                    option, text));
  return std::move(*numbers);
}

}  // namespace

void add_attention_options(CLI::App& command, AttentionArguments& a, const AttentionOptionSet& set) {
  /// An option whose text `take` turns into a field.
  const auto add = [&](const std::string& name, const std::string& description, auto take) {
    return command.add_option_function<std::string>(
        name,
        [name, take, given = set.on_given](const std::string& text) {
          take(name, text);
          if (given) given(name);
        },
        description);
  };
  using Text = const std::string&;
  if (set.method)
    add("--method", fmt::format("what is computed: {}", fmt::join(method_names(), ", ")), [&a](Text, Text text) {
      a.method = text;
    })->default_str("llsa");
  add("--block-size", "tokens per block, B >= 2", [&a](Text name, Text text) {
    a.block_size = number_of<std::int64_t>(name, text);
  })->default_str(std::to_string(Options{}.block_size));
  add("--levels", "coarse levels L, or auto: the most that leave 64 tokens; 0 is dense", [&a](Text name, Text text) {
    a.levels = count_or_auto(name, text);
  })->default_str("auto");
  add("--top-k", "blocks selected at each level: one number, or L with level 1 first (8,8,4)",
      [&a](Text name, Text text) { a.top_k = top_k_from(name, text); })
      ->default_str(fmt::format("{}", fmt::join(Options{}.top_k, ",")));
  add("--enrichment-levels", "levels Le whose coarse keys are attended to, or auto: all", [&a](Text name, Text text) {
    a.enrichment_levels = count_or_auto(name, text);
  })->default_str("auto");
  command.add_flag_callback(
      "--no-reweight",
      [&a, given = set.on_given] {
        a.no_reweight = true;
        if (given) given("--no-reweight");
      },
      "coarse keys weigh 1, not the number of tokens they stand for");
  add("--coverage", "overlapping or disjoint", [&a](Text, Text text) {
    a.coverage = coverage_from(text);
  })->default_str(std::string(name_of(Options{}.coverage)));
  if (set.scale)
    add("--scale", "factor of the scores (default: 1/sqrt(dim))",
        [&a](Text name, Text text) { a.scale = number_of<double>(name, text); });
  if (set.order)
    add("--order", "token order to attend in: raster, morton or hilbert", [&a](Text, Text text) { a.order = text; });
}

void lay_over(const AttentionArguments& a, AttentionChoice& choice) {
  Options& o = choice.options;
  if (a.method) choice.method = *a.method;
  if (a.order) choice.order = *a.order;
  if (a.block_size) o.block_size = *a.block_size;
  if (a.levels) o.levels = *a.levels;
  if (a.top_k) o.top_k = *a.top_k;
  if (a.enrichment_levels) o.enrichment_levels = *a.enrichment_levels;
  if (a.no_reweight) o.reweight = false;
  if (a.coverage) o.coverage = *a.coverage;
  if (a.scale) o.scale = *a.scale;
}

AttentionChoice choice_of(const AttentionArguments& arguments) {
  AttentionChoice choice;
  lay_over(arguments, choice);
  return choice;
}

}  // namespace llsa::program
