#include "compare/arguments.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <vector>

#include "backends/backends.hpp"
#include "llsa/error.hpp"

namespace llsa::compare {
namespace {

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::int64_t> top_k_from(const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto number = parse<std::int64_t>(std::string_view(text).substr(begin, end - begin));
    if (!number)
      throw Error(
          fmt::format("--top-k is '{}'; it must be a whole number, or one for each level separated by commas, "
                      "level 1 first",
                      text));
    numbers.push_back(*number);
    begin = end + 1;
  }
  return numbers;
}

/// A number that must be written exactly, in full and in range (CLI11 itself saturates).
template <class Number, class Target>
CLI::Option* add_number(CLI::App& command, const std::string& name, Target& target, const std::string& description) {
  return command.add_option_function<std::string>(
      name,
      [name, &target](const std::string& text) {
        const auto number = parse<Number>(text);
        constexpr const char* kind = std::is_floating_point_v<Number> ? "a number" : "a whole number";
        if (!number) throw Error(fmt::format("{} is '{}'; it must be {}", name, text, kind));
        target = *number;
      },
      description);
}

}  // namespace

void add_problem_arguments(CLI::App& command, ProblemFiles& files) {
  command.add_option("--input", files.input, ".safetensors with tensors q, k and v (instead of --q, --k, --v)");
  command.add_option("--q", files.query, "queries [batch, heads, tokens, dim] or [tokens, dim]; .npy or .safetensors");
  command.add_option("--k", files.key, "keys, likewise");
  command.add_option("--v", files.value, "values, likewise");
  command.add_option(
      "--grad-output", files.output_gradient,
      "gradient of the output: asks for dq, dk and dv too ('grad_output' in a .safetensors with several)");
  command.add_option("--grad-lse", files.lse_gradient,
                     "gradient of lse [batch, heads, tokens]; only with --grad-output ('grad_lse' likewise)");
}

void register_inputs(const ProblemFiles& f, program::CommandFiles& paths) {
  paths.reads("--input", f.input);
  paths.reads("--q", f.query);
  paths.reads("--k", f.key);
  paths.reads("--v", f.value);
  paths.reads("--grad-output", f.output_gradient);
  paths.reads("--grad-lse", f.lse_gradient);
}

void add_option_arguments(CLI::App& command, OptionArguments& a) {
  add_number<std::int64_t>(command, "--block-size", a.block_size, "tokens per block, B >= 2")
      ->default_str(std::to_string(a.block_size));
  command.add_option("--levels", a.levels, "coarse levels L, or auto: the most that leave 64 tokens; 0 is dense")
      ->capture_default_str();
  command.add_option("--top-k", a.top_k, "blocks selected at each level: one number, or L with level 1 first (8,8,4)")
      ->capture_default_str();
  add_number<int>(command, "--enrichment-levels", a.enrichment_levels,
                  "levels whose coarse keys are attended to (default: all)");
  command.add_flag("--no-reweight", a.no_reweight, "coarse keys weigh 1, not the number of tokens they stand for");
  command.add_option("--coverage", a.coverage, "overlapping or disjoint")->capture_default_str();
  add_number<double>(command, "--scale", a.scale, "factor of the scores (default: 1/sqrt(dim))");
}

void add_method_argument(CLI::App& command, std::string& method) {
  command.add_option("--method", method, fmt::format("what is computed: {}", fmt::join(method_names(), ", ")))
      ->capture_default_str();
}

void add_execution_arguments(CLI::App& command, ExecutionArguments& a) {
  command.add_option("--backend", a.backend, fmt::format("implementation: {}", fmt::join(backend_names(), ", ")))
      ->capture_default_str();
  command
      .add_option("--precision", a.precision,
                  "type that inputs are rounded to and results stored in: f16, bf16, f32 or f64; sums are in f32, in "
                  "f64 for f64")
      ->capture_default_str();
  add_number<int>(command, "--threads", a.threads, "CPU threads; 0 takes every core")
      ->default_str(std::to_string(a.threads));
}

Options options_from(const OptionArguments& a) {
  Options options;
  options.block_size = a.block_size;
  if (a.levels != "auto") {
    options.levels = parse<int>(a.levels);
    if (!options.levels)
      throw Error(
          fmt::format("--levels is '{}'; it must be auto or a whole number from 0 to {}", a.levels, max_levels));
  }
  options.top_k = top_k_from(a.top_k);
  options.enrichment_levels = a.enrichment_levels;
  options.reweight = !a.no_reweight;
  options.coverage = coverage_from(a.coverage);
  options.scale = a.scale;
  return options;
}

DType precision_from(const std::string& text, const std::string& argument) {
  for (const DType type : {DType::f16, DType::bf16, DType::f32, DType::f64})
    if (text == name_of(type)) return type;
  throw Error(fmt::format("{} is '{}'; it must be f16, bf16, f32 or f64", argument, text));
}

}  // namespace llsa::compare
