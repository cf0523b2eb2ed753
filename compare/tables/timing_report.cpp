#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compare/markdown_table.hpp"
#include "compare/profile/fit.hpp"
#include "compare/tables/report.hpp"
#include "plot/line_chart.hpp"

namespace llsa::compare::tables {
namespace {

struct Pass {
  const char* name;
  std::vector<double> TimedCase::*seconds;
};

std::vector<Pass> passes_of(const TimingTable& table) {
  if (!table.forward) return {{"backward", &TimedCase::backward}};
  return {{"forward", &TimedCase::forward}, {"backward", &TimedCase::backward}};
}

/// In the order of their first appearance.
template <class Value, class Of>
std::vector<Value> distinct(const MeasuredTiming& m, const Of& of) {
  std::vector<Value> values;
  for (const TimedCase& each : m.cases)
    if (std::ranges::find(values, of(each)) == values.end()) values.push_back(of(each));
  return values;
}
std::vector<std::string> labels_of(const MeasuredTiming& m) {
  return distinct<std::string>(m, [](const TimedCase& each) { return each.timed.label; });
}
std::vector<std::int64_t> lengths_of(const MeasuredTiming& m) {
  return distinct<std::int64_t>(m, [](const TimedCase& each) { return each.timed.tokens; });
}

const TimedCase* find(const MeasuredTiming& m, const std::string& label, std::int64_t tokens) {
  const auto at = std::ranges::find_if(
      m.cases, [&](const TimedCase& each) { return each.timed.label == label && each.timed.tokens == tokens; });
  return at == m.cases.end() ? nullptr : &*at;
}

/// Figure 4 shows throughput, the others time.
double shown(const MeasuredTiming& m, const TimedCase& each, double seconds) {
  return m.table.forward ? 1e3 * seconds : static_cast<double>(each.timed.tokens) / seconds;
}

llsa::plot::LineChart chart_of(const MeasuredTiming& m, const Pass& pass) {
  using llsa::plot::AxisScale;
  const std::vector<std::int64_t> lengths = lengths_of(m);
  const bool one_length = lengths.size() == 1;
  llsa::plot::LineChart chart{.title = pass.name,
                              .x = {.label = one_length ? "configuration" : "tokens N",
                                    .scale = one_length ? AxisScale::linear : AxisScale::log},
                              .y = {.label = m.table.forward ? "milliseconds" : "tokens/s",
                                    .scale = one_length ? AxisScale::linear : AxisScale::log}};
  if (!one_length)
    for (const std::int64_t n : lengths) chart.x.ticks.push_back({static_cast<double>(n), llsa::plot::format_count(n)});
  int color = 0;
  for (const std::string& label : labels_of(m)) {
    llsa::plot::Series series{.label = label, .color = llsa::plot::category_color(++color)};
    for (const std::int64_t n : lengths) {
      const TimedCase* each = find(m, label, n);
      if (!each) continue;
      const compare::Quartiles q = compare::quartiles(each->*pass.seconds);
      series.x.push_back(one_length ? color : static_cast<double>(n));
      series.y.push_back(shown(m, *each, q.median));
      const auto [low, high] = std::minmax({shown(m, *each, q.low), shown(m, *each, q.high)});
      series.low.push_back(low);
      series.high.push_back(high);
    }
    if (one_length) chart.x.ticks.push_back({static_cast<double>(color), label});
    chart.series.push_back(std::move(series));
  }
  if (one_length) chart.x.low = 0.5, chart.x.high = color + 0.5, chart.y.low = 0;
  return chart;
}

}  // namespace

std::string markdown(const MeasuredTiming& m, const Scale& scale) {
  std::string text = fmt::format("## {}\n\n{}\n", m.table.title, describe_timing(scale));
  for (const std::string& remark : m.table.remarks) text += "\n" + remark + "\n";
  const std::vector<std::string> labels = labels_of(m);
  for (const Pass& pass : passes_of(m.table)) {
    std::vector<std::string> header = {"tokens"};
    for (const std::string& label : labels) header.insert(header.end(), {label, "keys"});
    std::vector<std::vector<std::string>> rows;
    for (const std::int64_t n : lengths_of(m)) {
      std::vector<std::string>& row = rows.emplace_back(std::vector<std::string>{std::to_string(n)});
      for (const std::string& label : labels) {
        const TimedCase* each = find(m, label, n);
        if (!each) {
          row.insert(row.end(), {"-", "-"});
          continue;
        }
        const double median = compare::median(each->*pass.seconds);
        row.push_back(m.table.forward ? compare::format_seconds(median)
                                      : fmt::format("{:.0f}", shown(m, *each, median)));
        row.push_back(fmt::format("{:.0f}", each->keys_per_query));
      }
    }
    text += fmt::format("\n{}{}:\n\n{}", pass.name, m.table.forward ? "" : ", tokens/s",
                        compare::markdown_table(header, rows));
  }
  return text;
}

nlohmann::ordered_json json_of(const MeasuredTiming& m, const Scale& scale) {
  using Json = nlohmann::ordered_json;
  Json cases = Json::array();
  for (const TimedCase& each : m.cases)
    cases.push_back({{"label", each.timed.label},
                     {"method", each.timed.method},
                     {"tokens", each.timed.tokens},
                     {"block_size", each.options.block_size},
                     {"levels", each.options.levels},
                     {"top_k", each.options.top_k},
                     {"keys_per_query", each.keys_per_query},
                     {"forward_seconds", each.forward},
                     {"backward_seconds", each.backward}});
  return {{"figure", m.table.name},
          {"title", m.table.title},
          {"scale", describe_timing(scale)},
          {"remarks", m.table.remarks},
          {"cases", std::move(cases)}};
}

void plot(const MeasuredTiming& m, const std::filesystem::path& path) {
  constexpr double width = 520, height = 400, margin = 14;
  const std::vector<Pass> passes = passes_of(m.table);
  llsa::plot::Canvas canvas(width * static_cast<double>(passes.size()), height);
  for (std::size_t i = 0; i < passes.size(); ++i)
    draw_line_chart(canvas, llsa::plot::Rect{width * static_cast<double>(i), 0, width, height}.inset(margin),
                    chart_of(m, passes[i]));
  canvas.save(path, 2);
}

}  // namespace llsa::compare::tables
