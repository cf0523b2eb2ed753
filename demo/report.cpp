#include "demo/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "compare/fitted_exponent.hpp"
#include "compare/markdown_table.hpp"
#include "compare/statistics.hpp"
#include "demo/report_templates.hpp"
#include "plot/ticks.hpp"

namespace llsa::demo {
namespace {

using compare::format_seconds;
using plot::format_count;

std::string speed_up(double factor) { return fmt::format("{:.{}f}x", factor, factor < 10 ? 1 : 0); }

/// The fitted power of N by which the cost grows, NaN when there is one length only.
double exponent(const std::vector<ScalingPoint>& points, std::vector<double> ScalingPoint::*times) {
  std::vector<compare::CostPoint> curve;
  for (const ScalingPoint& point : points)
    if (!(point.*times).empty()) curve.push_back({static_cast<double>(point.tokens), compare::median(point.*times)});
  return compare::fitted_exponent(curve).value_or(std::nan(""));
}

std::string query_sections(const ReportContents& contents) {
  std::string text;
  for (std::size_t i = 0; i < contents.queries.size(); ++i) {
    const datasets::Pixel& pixel = contents.queries[i];
    text += fmt::format(fmt::runtime(query_template), fmt::arg("number", i + 1), fmt::arg("row", pixel.row),
                        fmt::arg("column", pixel.column), fmt::arg("selection_file", selection_file(i + 1)),
                        fmt::arg("attention_file", attention_file(i + 1)));
  }
  return text;
}

/// "N^1.07 for LLSA and like N^2.00 for dense attention"
std::string growth(const std::vector<ScalingPoint>& scaling) {
  const double dense = exponent(scaling, &ScalingPoint::dense);
  return fmt::format("N^{:.2f} for LLSA", exponent(scaling, &ScalingPoint::llsa)) +
         (std::isnan(dense) ? "" : fmt::format(" and like N^{:.2f} for dense attention", dense));
}

}  // namespace

std::string results_table(const std::vector<MethodResult>& results) {
  std::vector<std::vector<std::string>> rows;
  for (const MethodResult& result : results) {
    const bool dense = !result.method.options;
    rows.push_back({result.method.name, format_count(std::llround(result.keys_per_query)),
                    dense ? "-" : fmt::format("{:.4f}", result.relative_l2),
                    dense ? "-" : fmt::format("{:.5f}", result.cosine),
                    dense ? "-" : fmt::format("{:.4f} / {:.2f}", result.mean_lse_error, result.max_lse_error),
                    fmt::format("{:.1f}%", 100 * result.fine_mass), format_seconds(result.seconds),
                    speed_up(results.front().seconds / result.seconds)});
  }
  return compare::markdown_table({"method", "keys per query", "rel. L2", "cosine", "LSE error (mean / max)",
                                  "mass on fine keys", "time", "speed-up"},
                                 rows);
}

std::string scaling_table(const std::vector<ScalingPoint>& points) {
  std::vector<std::vector<std::string>> rows;
  for (const ScalingPoint& point : points) {
    const double llsa = compare::median(point.llsa);
    rows.push_back({format_count(point.tokens), std::to_string(point.levels),
                    format_count(std::llround(point.keys_per_query)), format_seconds(llsa),
                    point.dense.empty() ? "-" : format_seconds(compare::median(point.dense)),
                    point.dense.empty() ? "-" : speed_up(compare::median(point.dense) / llsa)});
  }
  return compare::markdown_table({"tokens", "levels", "keys per query", "LLSA", "dense", "speed-up"}, rows);
}

bool is_report_file(std::string_view name) {
  for (const char* file : {picture_file, outputs_file, errors_file, scaling_file, forming_file, report_file})
    if (name == file) return true;
  for (const char* series : {"selection_", "attention_", "model_selection_", "model_attention_"})
    if (name.starts_with(series) && name.ends_with(".png")) return true;
  return false;
}

std::string report(const ReportContents& contents) {
  using fmt::arg;
  const MethodResult& dense = contents.results[dense_method];
  const MethodResult& two = contents.results[two_levels];
  const MethodResult& blocks = contents.results[blocks_only];
  return fmt::format(
      fmt::runtime(report_template), arg("picture_file", picture_file), arg("picture_source", contents.picture_source),
      arg("width", contents.width), arg("height", contents.height),
      arg("tokens", format_count(two.options.key.tokens())), arg("heads", contents.projection.heads),
      arg("head_dim", contents.projection.head_dim), arg("backend", contents.backend),
      arg("threads", fmt::format("{} thread{}", contents.threads, contents.threads == 1 ? "" : "s")),
      arg("block_size", two.options.block_size), arg("level_1_tokens", format_count(two.options.key.length(1))),
      arg("level_2_tokens", format_count(two.options.key.length(2))), arg("level_2_k", two.options.k(2)),
      arg("level_1_k", two.options.k(1)), arg("keys_per_query", format_count(std::llround(two.keys_per_query))),
      arg("head_emphasis", datasets::emphasis_name(0)), arg("query_sections", query_sections(contents)),
      arg("results_table", results_table(contents.results)), arg("levels", two.options.levels),
      arg("llsa_mass", 100 * two.fine_mass), arg("llsa_error", 100 * two.relative_l2),
      arg("blocks_name", blocks.method.name), arg("blocks_mass", 100 * blocks.fine_mass),
      arg("blocks_error", 100 * blocks.relative_l2), arg("runs", two.runs),
      arg("dense_time", format_seconds(dense.seconds)), arg("outputs_file", outputs_file),
      arg("errors_file", errors_file), arg("model_section", captures_section(contents)),
      arg("scaling_file", scaling_file), arg("scaling_table", scaling_table(contents.scaling)),
      arg("growth", growth(contents.scaling)),
      arg("trained", contents.captures.empty() ? "No" : "Except in the section on a trained model no"),
      arg("seed", contents.projection.seed), arg("sharpness", contents.projection.sharpness));
}

}  // namespace llsa::demo
