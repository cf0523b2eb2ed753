#include "viewer/model/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "llsa/error.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

/// The five parts of a name; empty when it has another form.
std::optional<std::array<std::string, 5>> parts_of(std::string name, const std::string& aggregate) {
  if (!aggregate.empty() && name.ends_with("_" + aggregate)) name.resize(name.size() - aggregate.size() - 1);
  std::array<std::string, 5> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? name.find('/', begin) : std::min(name.find('/', begin), name.size());
    if (end == std::string::npos) return {};
    parts[i] = name.substr(begin, end - begin);
    begin = end + 1;
  }
  return parts;
}

double milliseconds_of(const json& entry) {
  static const std::map<std::string, double> units = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}};
  const auto unit = units.find(entry.value("time_unit", "ns"));
  if (unit == units.end()) throw Error("unknown time_unit " + entry.at("time_unit").dump());
  return entry.at("real_time").get<double>() * unit->second;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

struct Measured {
  std::optional<double> stated_median;
  std::vector<double> iterations;
  std::optional<double> bound;
};

/// What a device reaches, as the file's context says it; 0: not said.
struct Ceilings {
  double flops_per_second = 0, bytes_per_second = 0;
};

std::map<double, Ceilings> ceilings_of(const json& root) {
  std::map<double, Ceilings> by_tokens;
  if (!root.contains("context") || !root["context"].contains("ceilings")) return by_tokens;
  for (const json& entry : root["context"]["ceilings"])
    by_tokens[entry.at("tokens").get<double>()] = {
        std::max(entry.value("score_flops_per_second", 0.0), entry.value("value_flops_per_second", 0.0)),
        entry.value("copy_bytes_per_second", 0.0)};
  return by_tokens;
}

/// Milliseconds that the counted work of an entry takes at least; empty where nothing is counted.
std::optional<double> bound_of(const json& entry, const Ceilings& ceilings) {
  const auto seconds = [&](const char* counted, double rate) {
    return rate > 0 ? entry.value(counted, 0.0) / rate : 0;
  };
  const double bound =
      1e3 * std::max(seconds("flops", ceilings.flops_per_second), seconds("bytes", ceilings.bytes_per_second));
  return bound > 0 ? std::optional(bound) : std::nullopt;
}

/// log milliseconds of a curve at log tokens `x`, which lies within the curve.
double interpolate(const std::vector<ProfilePoint>& curve, double x) {
  std::size_t i = 1;
  while (i + 1 < curve.size() && std::log(curve[i].tokens) < x) ++i;
  const ProfilePoint &a = curve[i - 1], &b = curve[i];
  const double t = (x - std::log(a.tokens)) / (std::log(b.tokens) - std::log(a.tokens));
  return std::lerp(std::log(a.milliseconds), std::log(b.milliseconds), t);
}

void add_crossovers(Profile& profile) {
  for (const ProfileSeries& a : profile.series) {
    for (const ProfileSeries& b : profile.series) {
      if (a.stage != "total" || b.stage != "total" || a.backend != b.backend || a.pass != b.pass ||
          a.method == b.method)
        continue;
      if (const auto tokens = crossing(a.points, b.points))
        profile.crossovers.push_back({a.backend, a.pass, a.method, b.method, *tokens});
    }
  }
}

Profile parse(const json& root) {
  if (!root.is_object() || !root.contains("benchmarks") || !root["benchmarks"].is_array())
    throw Error("no array \"benchmarks\": this is not the JSON of a benchmark");
  Profile profile;
  std::vector<std::map<double, Measured>> measured;
  const std::map<double, Ceilings> ceilings = ceilings_of(root);
  for (const json& entry : root["benchmarks"]) {
    const std::string aggregate = entry.value("aggregate_name", "");
    if (!aggregate.empty() && aggregate != "median") continue;
    const auto parts = parts_of(entry.at("name").get<std::string>(), aggregate);
    if (!parts) continue;
    double tokens = 0;
    const std::string& text = (*parts)[4];
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), tokens);
    const double time = milliseconds_of(entry);
    if (problem != std::errc() || end != text.data() + text.size() || !(tokens >= 1) || !(time > 0)) continue;
    ProfileSeries key{(*parts)[0], (*parts)[1], (*parts)[2], (*parts)[3], {}};
    auto series = std::ranges::find_if(
        profile.series, [&](const ProfileSeries& s) { return s.group() == key.group() && s.stage == key.stage; });
    if (series == profile.series.end()) {
      profile.series.push_back(std::move(key));
      measured.emplace_back();
      series = profile.series.end() - 1;
    }
    Measured& at = measured[static_cast<std::size_t>(series - profile.series.begin())][tokens];
    if (const auto reached = ceilings.find(tokens); reached != ceilings.end() && entry.contains("flops"))
      at.bound = bound_of(entry, reached->second);
    if (aggregate == "median")
      at.stated_median = time;
    else
      at.iterations.push_back(time);
  }
  for (std::size_t s = 0; s < profile.series.size(); ++s)
    for (const auto& [tokens, m] : measured[s])
      profile.series[s].points.push_back({tokens, m.stated_median ? *m.stated_median : median(m.iterations), m.bound});
  if (profile.series.empty()) throw Error("no benchmark is named <backend>/<method>/<pass>/<stage>/<tokens>");
  add_crossovers(profile);
  return profile;
}

}  // namespace

std::optional<double> ProfileSeries::exponent() const {
  if (points.size() < 2) return {};
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const ProfilePoint& p : points) {
    const double a = std::log(p.tokens), b = std::log(p.milliseconds);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  const auto n = static_cast<double>(points.size());
  return (n * xy - x * y) / (n * xx - x * x);
}

std::vector<std::string> Profile::groups() const {
  std::vector<std::string> names;
  for (const ProfileSeries& s : series)
    if (std::ranges::find(names, s.group()) == names.end()) names.push_back(s.group());
  return names;
}

std::optional<double> crossing(const std::vector<ProfilePoint>& a, const std::vector<ProfilePoint>& b) {
  if (a.size() < 2 || b.size() < 2) return {};
  const double from = std::log(std::max(a.front().tokens, b.front().tokens));
  const double to = std::log(std::min(a.back().tokens, b.back().tokens));
  std::vector<double> at = {from, to};
  for (const auto* curve : {&a, &b})
    for (const ProfilePoint& p : *curve)
      if (std::log(p.tokens) > from && std::log(p.tokens) < to) at.push_back(std::log(p.tokens));
  std::ranges::sort(at);
  std::optional<double> found;
  double before = interpolate(a, from) - interpolate(b, from), x0 = from;
  for (const double x : at) {
    const double gap = interpolate(a, x) - interpolate(b, x);
    if (gap >= 0) found.reset();
    if (before >= 0 && gap < 0) found = std::exp(x0 + (x - x0) * before / (before - gap));
    before = gap, x0 = x;
  }
  return found;
}

Profile load_profile(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(file.string() + ": cannot be opened");
  try {
    Profile profile = parse(json::parse(in));
    profile.file = file;
    return profile;
  } catch (const json::exception& error) {
    throw Error(fmt::format("{}: not a profile: {}", file.string(), error.what()));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", file.string(), error.what()));
  }
}

}  // namespace llsa::viewer
