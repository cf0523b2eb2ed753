#include "diffusion/run_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "plot/line_chart.hpp"

namespace llsa::diffusion {
namespace {

std::string line_of(const LogEntry& e) {
  nlohmann::ordered_json json = {{"step", e.step},
                                 {"loss", e.loss},
                                 {"gradient_norm", e.gradient_norm},
                                 {"learning_rate", e.learning_rate},
                                 {"seconds", e.seconds},
                                 {"tokens_per_second", e.tokens_per_second}};
  if (e.validation_loss) json["validation_loss"] = *e.validation_loss;
  return json.dump() + "\n";
}

std::optional<LogEntry> entry_from(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  try {
    LogEntry e{.step = json.at("step").get<std::int64_t>(),
               .loss = json.at("loss").get<double>(),
               .gradient_norm = json.at("gradient_norm").get<double>(),
               .learning_rate = json.at("learning_rate").get<double>(),
               .seconds = json.at("seconds").get<double>(),
               .tokens_per_second = json.at("tokens_per_second").get<double>(),
               .validation_loss = {}};
    if (json.contains("validation_loss")) e.validation_loss = json.at("validation_loss").get<double>();
    return e;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // the rest of a line that a kill cut off
  }
}

}  // namespace

std::vector<LogEntry> read_log(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<LogEntry> entries;
  for (std::string line; std::getline(file, line);)
    if (const auto entry = entry_from(line)) entries.push_back(*entry);
  return entries;
}

RunLog::RunLog(std::filesystem::path path, std::int64_t last_step) : path_(std::move(path)) {
  std::string kept;
  for (const LogEntry& entry : read_log(path_)) {
    if (entry.step > last_step) continue;
    entries_.push_back(entry);
    kept += line_of(entry);
  }
  files::write_file_atomically(path_, kept);
  file_.open(path_, std::ios::app);
  if (!file_) throw Error(fmt::format("{}: cannot be written", path_.string()));
}

void RunLog::append(const LogEntry& entry) {
  entries_.push_back(entry);
  errno = 0;
  file_ << line_of(entry) << std::flush;
  if (!file_) {
    throw Error(fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno != 0 ? errno : EIO)));
  }
}

void plot_losses(const std::filesystem::path& path, const std::vector<LogEntry>& entries) {
  if (entries.empty()) return;
  plot::Series every{.label = "training, each entry", .color = plot::Color{0.70, 0.78, 0.88}, .markers = false};
  plot::Series mean{.label = "training, mean", .color = plot::Color{0.12, 0.35, 0.65}, .markers = false};
  plot::Series validation{.label = "validation, averaged weights", .color = plot::Color{0.80, 0.33, 0.10}};
  const std::size_t group = std::max<std::size_t>(1, entries.size() / 100);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    every.x.push_back(double(entries[i].step));
    every.y.push_back(entries[i].loss);
    if (entries[i].validation_loss) {
      validation.x.push_back(double(entries[i].step));
      validation.y.push_back(*entries[i].validation_loss);
    }
    if ((i + 1) % group != 0) continue;
    double sum_x = 0, sum_y = 0;
    for (std::size_t j = i + 1 - group; j <= i; ++j) {
      sum_x += double(entries[j].step);
      sum_y += entries[j].loss;
    }
    mean.x.push_back(sum_x / double(group));
    mean.y.push_back(sum_y / double(group));
  }
  plot::LineChart chart{.title = "Flow matching loss",
                        .x = {.label = "step"},
                        .y = {.label = "mean squared error", .scale = plot::AxisScale::log},
                        .series = {every, mean}};
  if (!validation.x.empty()) chart.series.push_back(validation);
  plot::Canvas canvas(640, 400);
  plot::draw_line_chart(canvas, canvas.area().inset(8), chart);
  canvas.save(path, 2);
}

}  // namespace llsa::diffusion
