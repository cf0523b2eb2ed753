#include <fmt/format.h>

#include <cmath>

#include "compare/markdown_table.hpp"
#include "demo/report.hpp"
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
  const Shape& shape = contents.captures.front().results[dense_method].output.shape();
  std::string text = fmt::format(
      "## In a trained model\n\n"
      "Here Q, K and V are what a diffusion transformer computed while it made the picture shown, as `llsa-diffusion "
      "capture` wrote them. "
      "{} tokens, {} head{} of dimension {}. So few tokens need no sparse attention; what this shows is how well LLSA "
      "does on queries and keys that were learnt. For each capture the head and the query pixel are those where LLSA "
      "is farthest from dense attention: the worst case, not a chosen one.\n\n",
      format_count(shape.tokens), shape.heads, shape.heads == 1 ? "" : "s", shape.dim);
  for (std::size_t i = 0; i < contents.captures.size(); ++i) {
    const CaptureResult& each = contents.captures[i];
    text += fmt::format(
        "### {}: head {}, query pixel row {}, column {}\n\n"
        "![What the levels select]({})\n\n![Attention of the query pixel]({})\n\n",
        each.capture->name, each.head, each.query.row, each.query.column, capture_selection_file(i + 1),
        capture_attention_file(i + 1));
  }
  return text + fmt::format(
                    "{}\nAll heads together; the columns are those of the table above, whose rows for the picture are "
                    "repeated at the end. The last method of each has as many keys as the model's LLSA, all of them "
                    "single pixels.\n\n",
                    captures_table(contents));
}

}  // namespace llsa::demo
