#include <fmt/format.h>

#include <cmath>

#include "compare/markdown_table.hpp"
#include "demo/report.hpp"
#include "demo/report_templates.hpp"
#include "plot/ticks.hpp"

namespace llsa::demo {
namespace {

using plot::format_count;

std::vector<std::string> row_of(const std::string& tensors, const MethodResult& result) {
  return {tensors,
          result.method.name,
          format_count(std::llround(result.keys_per_query)),
          fmt::format("{:.4f}", result.relative_l2),
          fmt::format("{:.5f}", result.cosine),
          fmt::format("{:.4f} / {:.2f}", result.mean_lse_error, result.max_lse_error),
          fmt::format("{:.1f}%", 100 * result.fine_mass)};
}

}  // namespace

std::string captures_table(const ReportContents& contents) {
  std::vector<std::vector<std::string>> rows;
  for (const CaptureResult& each : contents.captures)
    for (std::size_t i = captured_llsa; i < each.results.size(); ++i)
      rows.push_back(row_of(each.capture->name, each.results[i]));
  for (const MethodIndex index : {one_level, one_level_disjoint, two_levels, two_levels_disjoint, blocks_only})
    rows.push_back(row_of("the picture", contents.results[index]));
  return compare::markdown_table(
      {"tensors", "method", "keys per query", "rel. L2", "cosine", "LSE error (mean / max)", "mass on fine keys"},
      rows);
}

std::string captures_section(const ReportContents& contents) {
  if (contents.captures.empty()) return {};
  using fmt::arg;
  const Shape& shape = contents.captures.front().results[dense_method].output.shape();
  std::string sections;
  for (std::size_t i = 0; i < contents.captures.size(); ++i) {
    const CaptureResult& each = contents.captures[i];
    sections += fmt::format(fmt::runtime(model_query_template), arg("name", each.capture->name), arg("head", each.head),
                            arg("row", each.query.row), arg("column", each.query.column),
                            arg("selection_file", capture_selection_file(i + 1)),
                            arg("attention_file", capture_attention_file(i + 1)));
  }
  return fmt::format(fmt::runtime(model_template), arg("tokens", format_count(shape.tokens)),
                     arg("heads", fmt::format("{} head{}", shape.heads, shape.heads == 1 ? "" : "s")),
                     arg("head_dim", shape.dim), arg("forming", contents.shows_forming ? forming_template : ""),
                     arg("query_sections", sections), arg("captures_table", captures_table(contents)));
}

}  // namespace llsa::demo
