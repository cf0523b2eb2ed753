#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "compare/profile/fit.hpp"
#include "compare/profile/report.hpp"

namespace llsa::compare::profile {
namespace {

using Json = nlohmann::ordered_json;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// Local time as ISO 8601 with the offset from UTC, "2030-01-31T13:05:59+02:00".
std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &local);
  std::string result = text.data();
  if (result.size() > 5) result.insert(result.size() - 2, ":");
  return result;
}

/// The first processor's clock as the system tells it, 0 when it does not.
int megahertz() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("cpu MHz")) return static_cast<int>(std::strtod(line.c_str() + line.find(':') + 1, nullptr));
  return 0;
}

Json context(const Profile& profile, const std::string& executable) {
  std::array<double, 3> load{};
  const int loads = getloadavg(load.data(), 3);
  Json result{{"date", date()},
              {"host_name", host_name()},
              {"executable", executable},
              {"num_cpus", std::max(1u, std::thread::hardware_concurrency())},
              {"mhz_per_cpu", megahertz()},
              {"cpu_scaling_enabled", false},
              {"caches", Json::array()},
              {"load_avg", std::vector<double>(load.begin(), load.begin() + std::max(loads, 0))},
#ifdef NDEBUG
              {"library_build_type", "release"}};
#else
              {"library_build_type", "debug"}};
#endif
  const ProfileRequest& request = profile.request;
  result["backend"] = request.backend;
  result["precision"] = std::string(name_of(request.precision));
  result["threads"] = profile.threads;
  result["heads"] = request.heads;
  result["head_dim"] = request.head_dim;
  if (profile.device.empty()) return result;
  result["device"] = profile.device;
  for (const ProfileSize& size : profile.sizes)
    result["ceilings"].push_back({{"tokens", size.tokens},
                                  {"copy_bytes_per_second", size.ceilings->copy_bytes_per_second},
                                  {"score_flops_per_second", size.ceilings->score_flops_per_second},
                                  {"value_flops_per_second", size.ceilings->value_flops_per_second},
                                  {"product_missing", size.ceilings->product_missing}});
  return result;
}

struct Aggregate {
  const char* name;
  const char* unit;
  double (*value)(const std::vector<double>&);
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double sum = 0;
  for (const double value : values) sum += (value - mean(values)) * (value - mean(values));
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

constexpr Aggregate aggregates[] = {
    {"mean", "time", mean},
    {"median", "time", [](const std::vector<double>& values) { return median(values); }},
    {"stddev", "time", deviation},
    {"cv", "percentage",
     [](const std::vector<double>& values) { return mean(values) > 0 ? deviation(values) / mean(values) : 0; }},
};

/// What every row of a series begins with.
Json row(const Profile& profile, std::size_t family, const std::string& suffix) {
  const ProfileSeries& series = profile.series[family];
  const std::string name = series.name(profile.request.backend);
  return {{"name", name + suffix}, {"family_index", family}, {"per_family_instance_index", 0}, {"run_name", name}};
}

void add_counters(Json& entry, const Profile& profile, const ProfileSeries& series) {
  entry["tokens"] = series.tokens;
  if (series.flops > 0) entry["flops"] = series.flops;
  if (series.bytes > 0) entry["bytes"] = series.bytes;
  for (const ProfileSize& size : profile.sizes) {
    if (size.tokens != series.tokens || series.method != "llsa") continue;
    entry["levels"] = size.levels;
    entry["keys_per_query"] = size.keys_per_query;
    if (size.working_bytes) entry["working_bytes"] = *size.working_bytes;
  }
}

}  // namespace

std::string profile_json(const Profile& profile, const std::string& executable) {
  Json benchmarks = Json::array();
  for (std::size_t family = 0; family < profile.series.size(); ++family) {
    const ProfileSeries& series = profile.series[family];
    std::vector<double> cpu;
    for (std::size_t i = 0; i < series.samples.size(); ++i) {
      cpu.push_back(series.samples[i].cpu);
      Json entry = row(profile, family, "");
      entry.update({{"run_type", "iteration"},
                    {"repetitions", series.samples.size()},
                    {"repetition_index", i},
                    {"threads", 1},
                    {"iterations", 1},
                    {"real_time", 1e3 * series.samples[i].wall},
                    {"cpu_time", 1e3 * series.samples[i].cpu},
                    {"time_unit", "ms"}});
      add_counters(entry, profile, series);
      benchmarks.push_back(std::move(entry));
    }
    for (const Aggregate& aggregate : aggregates) {
      const double unit = std::string_view(aggregate.unit) == "time" ? 1e3 : 1;
      Json entry = row(profile, family, std::string("_") + aggregate.name);
      entry.update({{"run_type", "aggregate"},
                    {"repetitions", series.samples.size()},
                    {"threads", 1},
                    {"aggregate_name", aggregate.name},
                    {"aggregate_unit", aggregate.unit},
                    {"iterations", series.samples.size()},
                    {"real_time", unit * aggregate.value(series.seconds())},
                    {"cpu_time", unit * aggregate.value(cpu)},
                    {"time_unit", "ms"}});
      benchmarks.push_back(std::move(entry));
    }
  }
  return Json{{"context", context(profile, executable)}, {"benchmarks", std::move(benchmarks)}}.dump(2) + "\n";
}

std::string profile_trace(const Profile& profile) {
  Json events = Json::array();
  std::vector<std::string> methods{"llsa", "dense"};  // one row each, from 1
  for (const ProfileSeries& series : profile.series)
    if (std::ranges::find(methods, series.method) == methods.end()) methods.push_back(series.method);
  const auto row = [&](const std::string& method) {
    return 1 + (std::ranges::find(methods, method) - methods.begin());
  };
  for (const std::string& method : methods)
    events.push_back(
        {{"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", row(method)}, {"args", {{"name", method}}}});
  for (const ProfileSeries& series : profile.series) {
    for (std::size_t i = 0; i < series.samples.size(); ++i)
      events.push_back({{"name", series.stage == "total" ? series.pass : series.stage},
                        {"cat", series.pass},
                        {"ph", "X"},
                        {"ts", 1e6 * series.samples[i].begin},
                        {"dur", 1e6 * series.samples[i].wall},
                        {"pid", 1},
                        {"tid", row(series.method)},
                        {"args", {{"tokens", series.tokens}, {"stage", series.stage}, {"repetition", i}}}});
  }
  return Json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}}.dump() + "\n";
}

}  // namespace llsa::compare::profile
