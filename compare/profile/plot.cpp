#include "compare/profile/plot.hpp"

#include "compare/profile/fit.hpp"
#include "plot/line_chart.hpp"

namespace llsa::compare::profile {
namespace {

plot::Series series_of(const Profile& profile, const std::string& method, const char* pass, const std::string& label,
                       int color) {
  plot::Series result{.label = label, .color = plot::category_color(color)};
  for (const ProfileSize& size : profile.sizes) {
    const ProfileSeries* series = profile.find(method, pass, "total", size.tokens);
    if (!series) continue;
    const Quartiles q = quartiles(series->seconds());
    result.x.push_back(static_cast<double>(size.tokens));
    result.y.push_back(1e3 * q.median);
    result.low.push_back(1e3 * q.low);
    result.high.push_back(1e3 * q.high);
  }
  return result;
}

plot::LineChart chart_of(const Profile& profile, const char* pass) {
  plot::LineChart chart{.title = pass,
                        .x = {.label = "tokens N", .scale = plot::AxisScale::log},
                        .y = {.label = "milliseconds", .scale = plot::AxisScale::log}};
  for (const ProfileSize& size : profile.sizes)
    chart.x.ticks.push_back({static_cast<double>(size.tokens), plot::format_count(size.tokens)});
  const plot::Series dense = series_of(profile, "dense", pass, "dense", 0);
  chart.series = {series_of(profile, "llsa", pass, "LLSA", 1)};
  int color = 2;
  for (const std::string& method : profile.request.methods)
    if (plot::Series series = series_of(profile, method, pass, method, color++); !series.x.empty())
      chart.series.push_back(std::move(series));
  if (dense.x.empty()) return chart;
  chart.series.push_back(dense);
  plot::Series continued{
      .label = "dense, extrapolated as N²", .color = dense.color, .dashes = {5, 4}, .markers = false};
  for (const ProfileSize& size : profile.sizes) {
    const auto tokens = static_cast<double>(size.tokens);
    if (tokens < dense.x.back()) continue;
    continued.x.push_back(tokens);
    continued.y.push_back(dense.y.back() * (tokens / dense.x.back()) * (tokens / dense.x.back()));
  }
  if (continued.x.size() > 1) chart.series.push_back(continued);
  return chart;
}

}  // namespace

void plot_profile(const Profile& profile, const std::filesystem::path& path) {
  constexpr double width = 520, height = 400, margin = 14;
  plot::Canvas canvas(2 * width, height);
  draw_line_chart(canvas, plot::Rect{0, 0, width, height}.inset(margin), chart_of(profile, "forward"));
  draw_line_chart(canvas, plot::Rect{width, 0, width, height}.inset(margin), chart_of(profile, "backward"));
  canvas.save(path, 2);
}

}  // namespace llsa::compare::profile
