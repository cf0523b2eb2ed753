#include "demo/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "compare/profile/fit.hpp"
#include "compare/markdown_table.hpp"
#include "plot/ticks.hpp"

namespace llsa::demo {
namespace {

using compare::format_seconds;
using plot::format_count;

std::string speed_up(double factor) { return fmt::format("{:.{}f}x", factor, factor < 10 ? 1 : 0); }

/// The fitted power of N by which the cost grows, NaN when there is one length only.
double exponent(const std::vector<ScalingPoint>& points, std::vector<double> ScalingPoint::*times) {
  std::vector<compare::profile::CostPoint> curve;
  for (const ScalingPoint& point : points)
    if (!(point.*times).empty()) curve.push_back({static_cast<double>(point.tokens), compare::median(point.*times)});
  return compare::profile::fitted_exponent(curve).value_or(std::nan(""));
}

std::string query_sections(const ReportContents& contents) {
  std::string text;
  for (std::size_t i = 0; i < contents.queries.size(); ++i) {
    const datasets::Pixel& pixel = contents.queries[i];
    text += fmt::format(
        "### Query pixel {0}: row {1}, column {2}\n\n![What the levels select for query pixel {0}]({3})\n\n"
        "![Attention of query pixel {0}]({4})\n\n",
        i + 1, pixel.row, pixel.column, selection_file(i + 1), attention_file(i + 1));
  }
  return text;
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

std::string report(const ReportContents& contents) {
  const MethodResult& dense = contents.results[dense_method];
  const MethodResult& two = contents.results[two_levels];
  const MethodResult& blocks = contents.results[blocks_only];
  const std::int64_t tokens = two.options.key.tokens();
  std::string text = fmt::format(
      "# Log-linear Sparse Attention on a picture\n\n"
      "![The picture]({})\n\n"
      "{} Each of its {} x {} = {} pixels is one token. Every number and picture below was computed by this run: "
      "{} heads of dimension {}, fp32, backend `{}`, {} thread{}.\n\n",
      picture_file, contents.picture_source, contents.width, contents.height, format_count(tokens),
      contents.projection.heads, contents.projection.head_dim, contents.backend, contents.threads,
      contents.threads == 1 ? "" : "s");
  text += fmt::format(
      "## The idea\n\n"
      "In attention every pixel (the *query*) looks at every pixel (the *keys*), weighs them by likeness and takes the "
      "weighted mean of their values. That costs N² comparisons: {} x {} here. But most of a picture can be looked at "
      "from afar: the sky need not be met pixel by pixel. LLSA does this in three steps.\n\n"
      "1. **Compress.** Pixels are put into Morton (Z) order, so that {} neighbours in the sequence are a square "
      "patch. Means "
      "over {} tokens make level 1 ({} tokens), means over {} of those level 2 ({} tokens).\n"
      "2. **Select.** For each patch of queries, all tokens of level 2 are scored and the best {} kept. At level 1 "
      "only the "
      "tokens under those are scored, and again the best {} kept. No query is ever compared with everything.\n"
      "3. **Attend.** The query attends to the single pixels under what level 1 kept, and also to every coarse token "
      "that was a "
      "candidate on the way (*enrichment*). A coarse token stands for many pixels, so it counts that many times in the "
      "softmax "
      "(*reweighting*): log(count) is added to its score.\n\n"
      "So each query meets {} keys instead of {}, at three resolutions: sharp where it matters to it, blurred "
      "elsewhere.\n\n",
      format_count(tokens), format_count(tokens), two.options.block_size, two.options.block_size,
      format_count(two.options.key.length(1)), two.options.block_size, format_count(two.options.key.length(2)),
      two.options.k(2), two.options.k(1), format_count(std::llround(two.keys_per_query)), format_count(tokens));
  text += fmt::format(
      "## What single queries do\n\n"
      "The pictures show head {} (\"{}\"). In each row of three: what level 2 selects, what level 1 selects under it, "
      "and the "
      "picture as this query meets it, every pixel in the mean colour of the finest key that covers it. Below, how "
      "attention "
      "spreads over the picture, on a logarithmic scale: the true one (dense), and LLSA's. The probability of a coarse "
      "key is "
      "spread evenly over its pixels, so patches appear; what counts is that they are about as bright as the dense map "
      "is "
      "there on average.\n\n",
      1, datasets::emphasis_name(0));
  text += query_sections(contents);
  text += fmt::format(
      "## How close the result is\n\n{}\n"
      "* *rel. L2* and *cosine* compare the outputs with dense attention's; *LSE error* is the absolute error of the "
      "softmax's "
      "logarithmic normaliser.\n"
      "* *mass on fine keys* is the part of the dense attention that falls on pixels which the method meets one by "
      "one. LLSA "
      "with {} levels meets {:.1f}% so, the rest through means, and its result is {:.1f}% off. `{}` has about as many "
      "keys but "
      "no means: it meets {:.1f}% and loses the rest; its result is {:.1f}% off.\n"
      "* *overlapping* coverage is the paper's: a pixel that was selected is still part of its coarse tokens. "
      "*disjoint* coverage "
      "drops a coarse token where it was refined, so that every pixel counts exactly once.\n"
      "* *time* is one forward pass of all heads with compression and selection: the median of {} runs for LLSA, one "
      "run for "
      "dense attention ({}).\n\n"
      "![Mean colour attended to]({})\n\n"
      "The values contain the pixels' colours, so an output can be seen: the mean colour that each pixel attends "
      "to.\n\n"
      "![Relative error by pixel]({})\n\n"
      "Errors gather where a patch of queries disagrees about what matters: selection is made once for {} queries, by "
      "the mean "
      "of them, so edges and small things suffer.\n\n",
      results_table(contents.results), two.options.levels, 100 * two.fine_mass, 100 * two.relative_l2,
      blocks.method.name, 100 * blocks.fine_mass, 100 * blocks.relative_l2, two.runs, format_seconds(dense.seconds),
      outputs_file, errors_file, two.options.block_size);
  text += captures_section(contents);
  text += fmt::format(
      "## How the cost grows\n\n![Time against tokens]({})\n\n{}\n"
      "One head, three repetitions, the two methods in turn (dense attention at the report's own size is the run "
      "above, shared "
      "among its heads); the number of levels follows from the number of tokens "
      "(the coarsest "
      "level keeps at least 64). Over these rows the time grows like N^{:.2f} for LLSA",
      scaling_file, scaling_table(contents.scaling), exponent(contents.scaling, &ScalingPoint::llsa));
  const double dense_exponent = exponent(contents.scaling, &ScalingPoint::dense);
  text +=
      std::isnan(dense_exponent) ? ".\n\n" : fmt::format(" and like N^{:.2f} for dense attention.\n\n", dense_exponent);
  text += fmt::format(
      "## Where Q, K and V come from\n\n"
      "{} trained network is involved; the projection is a stand-in that looks for likeness, seeded by {}. Each pixel "
      "has eight "
      "features: mean luma, red - green, blue - luma and contrast over 3 x 3 and over 9 x 9 pixels, standardised over "
      "the "
      "picture. A head weighs them (in turn: all alike, small colours, large colours, contrasts), appends 1, "
      "normalises, maps "
      "them to {} dimensions by a random matrix with orthonormal columns, and turns a quarter of the pairs of "
      "dimensions by "
      "the "
      "pixel's row or column (2-D rotary position embedding). Queries and keys are the same vectors, scaled so that "
      "the score "
      "of a pixel with itself is {}; V is a random orthonormal image of colour and features. "
      "See demo/projection.hpp for the formulas.\n",
      contents.captures.empty() ? "No" : "Except in the section on a trained model no", contents.projection.seed,
      contents.projection.head_dim, contents.projection.sharpness);
  return text;
}

}  // namespace llsa::demo
