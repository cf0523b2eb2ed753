#include "compare/approximate/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compare/markdown_table.hpp"
#include "llsa/error.hpp"
#include "plot/line_chart.hpp"

namespace llsa::compare::approximate {
namespace {

std::string levels_text(const ResolvedOptions& o) {
  return o.enrichment_levels == o.levels ? std::to_string(o.levels)
                                         : fmt::format("{} (Le {})", o.levels, o.enrichment_levels);
}

/// To nine digits: what lies beyond is rounding.
double rounded(double value) { return std::stod(fmt::format("{:.9g}", value)); }

std::vector<std::string> cells(const Measurement& m) {
  const ResolvedOptions& o = m.options;
  const bool coarse = o.enrichment_levels > 0;
  return {label_of(m.configuration),
          m.order,
          std::to_string(o.block_size),
          levels_text(o),
          fmt::format("{}", fmt::join(o.top_k, ",")),
          coarse ? std::string(name_of(o.coverage)) : "-",
          coarse ? (o.reweight ? "on" : "off") : "-",
          fmt::format("{:.1f}", m.keys_per_query),
          m.other_keys > 0 ? fmt::format("{:.0f}", m.other_keys) : "-",
          fmt::format("{:.4f}", m.relative_l2),
          fmt::format("{:.5f}", m.cosine),
          fmt::format("{:.4f}", m.mass)};
}

/// One series a method, its points by ascending keys.
std::vector<plot::Series> series_of(const Section& section, double Measurement::*value) {
  std::vector<plot::Series> series;
  std::vector<const Measurement*> rows;
  for (const Measurement& row : section.rows) rows.push_back(&row);
  std::ranges::stable_sort(rows, {}, [](const Measurement* row) { return row->keys_per_query; });
  for (const Measurement& row : section.rows) {
    const std::string label = label_of(row.configuration);
    if (std::ranges::find(series, label, &plot::Series::label) != series.end()) continue;
    const int number = static_cast<int>(series.size());
    plot::Series& one = series.emplace_back(plot::Series{.label = label, .color = plot::category_color(number)});
    if (number >= 6) one.dashes = {5, 4};  // colours begin again
    for (const Measurement* each : rows)
      if (label_of(each->configuration) == label) {
        one.x.push_back(each->keys_per_query);
        one.y.push_back(each->*value);
      }
  }
  return series;
}

}  // namespace

InputResult describe(const Judge& judge) {
  const Input& input = judge.input();
  return {.name = input.name,
          .source = input.source,
          .query = input.query.shape(),
          .key = input.key.shape(),
          .sampled_queries = judge.sampled_queries()};
}

std::string markdown(const InputResult& r) {
  std::string text =
      fmt::format("## {}\n\n{} {} batch {}, {} head{}, {} query and {} key tokens of dimension {}; ", r.name, r.source,
                  r.query.batch, r.query.batch == 1 ? "entry" : "entries", r.query.heads, r.query.heads == 1 ? "" : "s",
                  r.query.tokens, r.key.tokens, r.query.dim);
  text += r.sampled_queries == r.query.tokens ? "every query is judged.\n"
                                              : fmt::format("{} queries are judged.\n", r.sampled_queries);
  for (const Section& section : r.sections) {
    text += fmt::format("\n### {}\n", section.name);
    if (!section.note.empty()) text += "\n" + section.note + "\n";
    std::vector<std::vector<std::string>> rows;
    for (const Measurement& row : section.rows) rows.push_back(cells(row));
    text += "\n" + compare::markdown_table({"method", "order", "B", "L", "K", "coverage", "weights", "keys a query",
                                            "other keys", "relative L2", "cosine", "mass"},
                                           rows);
  }
  return text;
}

std::string json_of(const std::vector<InputResult>& results) {
  using Json = nlohmann::ordered_json;
  std::string text = "{\"inputs\": [";
  for (const InputResult& r : results) {
    Json about = {{"name", r.name},
                  {"source", r.source},
                  {"batch", r.query.batch},
                  {"heads", r.query.heads},
                  {"query_tokens", r.query.tokens},
                  {"key_tokens", r.key.tokens},
                  {"head_dim", r.query.dim},
                  {"judged_queries", r.sampled_queries}};
    std::string rows;
    for (const Section& section : r.sections)
      for (const Measurement& m : section.rows) {
        Json row = {{"section", section.name},
                    {"method", m.configuration.how.method},
                    {"order", m.order},
                    {"block_size", m.options.block_size},
                    {"levels", m.options.levels},
                    {"top_k", m.options.top_k},
                    {"enrichment_levels", m.options.enrichment_levels},
                    {"reweight", m.options.reweight},
                    {"coverage", std::string(name_of(m.options.coverage))},
                    {"keys_per_query", m.keys_per_query},
                    {"other_keys", m.other_keys},
                    {"relative_l2", rounded(m.relative_l2)},
                    {"cosine", rounded(m.cosine)},
                    {"mass", rounded(m.mass)},
                    {"seconds", rounded(m.seconds)}};
        if (m.configuration.how.method == "vsa") row["gate"] = m.configuration.gate;
        rows += (rows.empty() ? "\n  " : ",\n  ") + row.dump();
      }
    std::string head = about.dump();
    head.pop_back();
    text += (&r == &results.front() ? "\n" : ",\n") + head + ", \"rows\": [" + rows + "]}";
  }
  return text + "]}\n";
}

void plot(const std::vector<InputResult>& results, const std::filesystem::path& path) {
  if (results.size() > most_plotted)
    throw Error(fmt::format("{} inputs are too many to plot; at most {} fit", results.size(), most_plotted));
  constexpr double width = 560, height = 420, margin = 14;
  llsa::plot::Canvas canvas(2 * width, height * static_cast<double>(results.size()));
  for (std::size_t i = 0; i < results.size(); ++i) {
    const InputResult& r = results[i];
    if (r.sections.empty()) continue;
    const double top = height * static_cast<double>(i);
    const auto chart = [&](const char* what, double Measurement::*value, llsa::plot::AxisScale scale) {
      return llsa::plot::LineChart{.title = r.name,
                                   .x = {.label = "keys a query", .scale = llsa::plot::AxisScale::log},
                                   .y = {.label = what, .scale = scale},
                                   .series = series_of(r.sections.front(), value)};
    };
    draw_line_chart(canvas, llsa::plot::Rect{0, top, width, height}.inset(margin),
                    chart("relative L2 error", &Measurement::relative_l2, llsa::plot::AxisScale::log));
    draw_line_chart(canvas, llsa::plot::Rect{width, top, width, height}.inset(margin),
                    chart("mass recalled", &Measurement::mass, llsa::plot::AxisScale::linear));
  }
  canvas.save(path, 2);
}

}  // namespace llsa::compare::approximate
