#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "llsa/attention_choice.hpp"

namespace CLI {
class App;
}

namespace llsa::program {

/// What a command line says about how to attend. What it does not say is empty.
struct AttentionArguments {
  std::optional<std::string> method, order;
  std::optional<std::int64_t> block_size;
  std::optional<std::optional<int>> levels;  ///< an empty number: "auto"
  std::optional<std::vector<std::int64_t>> top_k;
  std::optional<std::optional<int>> enrichment_levels;  ///< an empty number: "auto", all levels
  bool no_reweight = false;
  std::optional<Coverage> coverage;
  std::optional<double> scale;
};

/// Which options a command takes besides --block-size, --levels, --top-k, --enrichment-levels, --no-reweight and
/// --coverage, which go together.
struct AttentionOptionSet {
  bool method = true, order = false, scale = true;
  /// Called with the name of each option that was given, after `arguments` took it; may be empty.
  std::function<void(const std::string& option)> on_given = {};
};

/// The options by which every program takes how to attend, under the same names and with the same words. While the
/// command line is parsed, `Error` is thrown naming the option, its value and what is allowed; ranges are for `resolve`
/// to check, methods for `check_method`, orders for `token_order`. `arguments` must outlive `command`.
void add_attention_options(CLI::App& command, AttentionArguments& arguments, const AttentionOptionSet& set = {});

/// Lays what was said over `choice`.
void lay_over(const AttentionArguments& arguments, AttentionChoice& choice);
/// The choice that they make of a program's defaults, which are those of `AttentionChoice`.
AttentionChoice choice_of(const AttentionArguments& arguments);

}  // namespace llsa::program
