#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compare/markdown_table.hpp"
#include "compare/profile/fit.hpp"
#include "compare/tables/report.hpp"
#include "compare/tables/spread_text.hpp"
#include "plot/line_chart.hpp"

namespace llsa::compare::tables {
namespace {

std::vector<double> values_of(const MeasuredRow& row, double RunResult::*value) {
  std::vector<double> values;
  for (const RunResult& result : row.results) values.push_back(result.*value);
  return values;
}

double tokens_per_second(const MeasuredRow& row) { return row.tokens_per_step / compare::median(row.step_seconds); }

/// What the rows are judged by.
double RunResult::*measure_of(const TrainingTable& table) {
  return table.comparable_loss ? &RunResult::validation_loss : &RunResult::denoising_error;
}

/// How much of the mean loss the last quarter of the steps took away. The curves have at least four points.
double last_quarter(const MeasuredRow& row) {
  double before = 0, last = 0;
  for (const RunResult& result : row.results) {
    const auto& curve = result.curve;
    const std::int64_t from = curve.back().step * 3 / 4;
    before += std::ranges::find_if(curve, [&](const CurvePoint& point) { return point.step >= from; })->validation_loss;
    last += curve.back().validation_loss;
  }
  return 1 - last / before;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

std::string markdown(const MeasuredTraining& m, const Scale& scale) {
  const std::string reference = m.table.rows[m.table.reference].label;
  const auto measure = measure_of(m.table);
  std::vector<std::vector<std::string>> rows;
  const std::vector<double> reference_values = values_of(m.rows[m.table.reference], measure);
  for (const MeasuredRow& row : m.rows) {
    const bool itself = &row == &m.rows[m.table.reference];
    rows.push_back(
        {row.row.label, fmt::format("{:.0f}", row.keys_per_query),
         with_spread(spread_of(values_of(row, &RunResult::validation_loss))),
         with_spread(spread_of(values_of(row, &RunResult::denoising_error))),
         with_spread(spread_of(values_of(row, &RunResult::sliced_wasserstein))),
         itself ? "reference" : with_spread(paired_difference(values_of(row, measure), reference_values), true),
         fmt::format("{:.0f}", tokens_per_second(row)), or_dash(row.row.paper_fid), or_dash(row.row.paper_throughput)});
  }
  std::string text = fmt::format("## {}\n\n{}\n", m.table.title, describe_training(scale));
  for (const std::string& remark : m.table.remarks) text += "\n" + remark + "\n";
  text += "\n" + compare::markdown_table(
                     {"configuration", "keys a query", "validation loss", "denoising error", "sliced Wasserstein",
                      m.table.comparable_loss ? "loss - reference" : "error - reference", "training tokens/s",
                      "paper: FID", "paper: 10^3 tokens/s"},
                     rows);
  text += fmt::format(
      "\nMean ± standard deviation over {} seed{}; lower is better. All rows of a seed share the initial weights' "
      "seed, pictures, noise and times, so the difference to \"{}\" is taken seed by seed. tokens/s: median of {} "
      "training "
      "steps that take turns between all configurations.\n",
      scale.seeds, scale.seeds == 1 ? "" : "s", reference, scale.repetitions);
  if (scale.curve_points >= 4) {
    text += "\nOf the loss, the last quarter of the steps took away:";
    for (const MeasuredRow& row : m.rows)
      text += fmt::format("{} {} {:.1f}%", &row == &m.rows.front() ? "" : ";", row.row.label, 100 * last_quarter(row));
    text += ".\n";
  }
  return text;
}

nlohmann::ordered_json json_of(const MeasuredTraining& m, const Scale& scale) {
  using Json = nlohmann::ordered_json;
  Json rows = Json::array();
  for (std::size_t i = 0; i < m.rows.size(); ++i) {
    const MeasuredRow& row = m.rows[i];
    const Options& options = row.row.config.model.attention.options;
    Json made = {{"label", row.row.label},
                 {"run", run_name(run_of(row.row, scale, 1))},
                 {"method", row.row.config.model.attention.method},
                 {"block_size", options.block_size},
                 {"levels", options.levels.value_or(-1)},
                 {"top_k", options.top_k},
                 {"keys_per_query", row.keys_per_query},
                 {"validation_loss", values_of(row, &RunResult::validation_loss)},
                 {"denoising_error", values_of(row, &RunResult::denoising_error)},
                 {"sliced_wasserstein", values_of(row, &RunResult::sliced_wasserstein)},
                 {"step_seconds", row.step_seconds},
                 {"tokens_per_second", tokens_per_second(row)},
                 {"paper_fid", row.row.paper_fid},
                 {"paper_throughput", row.row.paper_throughput}};
    if (scale.curve_points > 0)
      for (const RunResult& result : row.results) {
        Json curve = Json::array();
        for (const CurvePoint& point : result.curve) curve.push_back({point.step, point.validation_loss});
        made["curves"].push_back(std::move(curve));
      }
    rows.push_back(std::move(made));
  }
  return {{"table", m.table.name},
          {"title", m.table.title},
          {"scale", describe_training(scale)},
          {"remarks", m.table.remarks},
          {"reference", m.table.rows[m.table.reference].label},
          {"rows", std::move(rows)}};
}

void plot(const MeasuredTraining& m, const std::filesystem::path& path) {
  const auto measure = measure_of(m.table);
  llsa::plot::LineChart chart{
      .title = m.table.title,
      .x = {.label = "configuration", .low = 0.5, .high = static_cast<double>(m.rows.size()) + 0.5},
      .y = {.label = m.table.comparable_loss ? "validation loss" : "denoising error"}};
  for (std::size_t i = 0; i < m.rows.size(); ++i) {
    const auto x = static_cast<double>(i + 1);
    const std::vector<double> values = values_of(m.rows[i], measure);
    const auto [low, high] = std::ranges::minmax(values);
    const std::string number = fmt::format("{}", i + 1);
    chart.x.ticks.push_back({x, number});
    chart.series.push_back({.label = number + ": " + m.rows[i].row.label,
                            .x = {x},
                            .y = {spread_of(values).mean},
                            .low = {low},
                            .high = {high},
                            .color = llsa::plot::category_color(static_cast<int>(i))});
  }
  llsa::plot::Canvas canvas(640, 420);
  draw_line_chart(canvas, canvas.area().inset(14), chart);
  canvas.save(path, 2);
}

void plot_curves(const MeasuredTraining& m, const std::filesystem::path& path) {
  using llsa::plot::AxisScale;
  llsa::plot::LineChart steps{.title = m.table.title,
                              .x = {.label = "steps", .scale = AxisScale::log},
                              .y = {.label = "validation loss", .scale = AxisScale::log}};
  llsa::plot::LineChart time = steps;
  time.title = "the same against time";
  time.x.label = "seconds of training alone on this machine";
  for (std::size_t i = 0; i < m.rows.size(); ++i) {
    const MeasuredRow& row = m.rows[i];
    llsa::plot::Series series{.label = row.row.label, .color = llsa::plot::category_color(static_cast<int>(i))};
    const double seconds = compare::median(row.step_seconds);
    std::vector<double> at;
    for (std::size_t p = 0; p < row.results.front().curve.size(); ++p) {
      std::vector<double> losses;
      for (const RunResult& result : row.results) losses.push_back(result.curve.at(p).validation_loss);
      const auto [low, high] = std::ranges::minmax(losses);
      const auto step = static_cast<double>(row.results.front().curve[p].step);
      series.x.push_back(step);
      series.y.push_back(spread_of(losses).mean);
      series.low.push_back(low);
      series.high.push_back(high);
      at.push_back(step * seconds);
    }
    steps.series.push_back(series);
    series.x = at;
    time.series.push_back(std::move(series));
  }
  llsa::plot::Canvas canvas(1080, 440);
  const llsa::plot::Rect area = canvas.area().inset(14);
  const double half = area.width / 2;
  draw_line_chart(canvas, {area.x, area.y, half - 10, area.height}, steps);
  draw_line_chart(canvas, {area.x + half + 10, area.y, half - 10, area.height}, time);
  canvas.save(path, 2);
}

}  // namespace llsa::compare::tables
