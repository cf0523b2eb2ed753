#include "compare/profile/report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "compare/markdown_table.hpp"
#include "compare/profile/device.hpp"
#include "compare/profile/fit.hpp"

namespace llsa::compare::profile {
namespace {

const std::string absent = "-";

std::string cell(const Profile& profile, const std::string& method, const char* pass, const char* stage,
                 std::int64_t tokens) {
  const ProfileSeries* series = profile.find(method, pass, stage, tokens);
  if (!series) return absent;
  const Quartiles q = quartiles(series->seconds());
  if (series->samples.size() < 2) return format_seconds(q.median);
  return fmt::format("{} ±{:.0f}%", format_seconds(q.median), 50 * (q.high - q.low) / q.median);
}

std::string ratio(const Profile& profile, const std::string& over_method, const char* over_pass, const char* pass,
                  std::int64_t tokens) {
  const ProfileSeries* over = profile.find(over_method, over_pass, "total", tokens);
  const ProfileSeries* under = profile.find("llsa", pass, "total", tokens);
  if (!over || !under) return absent;
  return fmt::format("{:.2f}x", median(over->seconds()) / median(under->seconds()));
}

std::string format_bytes(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return bytes < (1 << 20) ? fmt::format("{:.0f} KiB", value / 1024) : fmt::format("{:.1f} MiB", value / (1 << 20));
}

std::string forward_table(const Profile& profile) {
  std::vector<std::vector<std::string>> rows;
  for (const ProfileSize& size : profile.sizes) {
    const auto time = [&](const char* method, const char* stage) {
      return cell(profile, method, "forward", stage, size.tokens);
    };
    rows.push_back({std::to_string(size.tokens), std::to_string(size.levels),
                    fmt::format("{:.0f}", size.keys_per_query), time("llsa", "pool"), time("llsa", "select"),
                    time("llsa", "attend"), time("llsa", "total"), time("dense", "total"),
                    ratio(profile, "dense", "forward", "forward", size.tokens)});
  }
  return markdown_table(
      {"tokens", "levels", "keys per query", "pool", "select", "attend", "LLSA forward", "dense forward", "speed-up"},
      rows);
}

std::string backward_table(const Profile& profile) {
  std::vector<std::vector<std::string>> rows;
  for (const ProfileSize& size : profile.sizes) {
    const auto time = [&](const char* method, const char* stage) {
      return cell(profile, method, "backward", stage, size.tokens);
    };
    const ProfileSeries* forward = profile.find("llsa", "forward", "total", size.tokens);
    const ProfileSeries* backward = profile.find("llsa", "backward", "total", size.tokens);
    rows.push_back({std::to_string(size.tokens), time("llsa", "transpose"), time("llsa", "attend_backward"),
                    time("llsa", "total"),
                    fmt::format("{:.2f}x", median(backward->seconds()) / median(forward->seconds())),
                    time("dense", "total"), ratio(profile, "dense", "backward", "backward", size.tokens),
                    size.working_bytes ? format_bytes(*size.working_bytes) : absent, format_bytes(size.input_bytes)});
  }
  return markdown_table({"tokens", "transpose", "attend_backward", "LLSA backward", "over forward", "dense backward",
                         "speed-up", "working memory", "Q + K + V"},
                        rows);
}

/// The methods that were asked for beside LLSA and dense attention.
std::string methods_table(const Profile& profile) {
  std::vector<std::vector<std::string>> rows;
  for (const ProfileSize& size : profile.sizes)
    for (const std::string& method : profile.request.methods)
      rows.push_back({std::to_string(size.tokens), method, cell(profile, method, "forward", "total", size.tokens),
                      ratio(profile, method, "forward", "forward", size.tokens),
                      cell(profile, method, "backward", "total", size.tokens),
                      ratio(profile, method, "backward", "backward", size.tokens)});
  return markdown_table({"tokens", "method", "forward", "over LLSA", "backward", "over LLSA"}, rows);
}

std::string conclusions(const Profile& profile, const char* pass) {
  const auto llsa = cost_curve(profile, "llsa", pass), dense = cost_curve(profile, "dense", pass);
  std::string text;
  const auto line = [&](const std::string& method, const std::vector<CostPoint>& curve) {
    if (const auto exponent = fitted_exponent(curve))
      text += fmt::format("{} {}: time grows like N^{:.2f} from {:.0f} to {:.0f} tokens\n", method, pass, *exponent,
                          curve.front().tokens, curve.back().tokens);
  };
  line("LLSA", llsa);
  line("dense", dense);
  for (const std::string& method : profile.request.methods) line(method, cost_curve(profile, method, pass));
  const Crossover cross = crossover(llsa, dense);
  if (cross.kind == Crossover::Kind::between)
    text += fmt::format("crossover, {}: LLSA is faster from about {:.0f} tokens on\n", pass, cross.tokens);
  if (cross.kind == Crossover::Kind::always_faster)
    text += fmt::format("crossover, {}: LLSA is faster at every length at which both were timed\n", pass);
  if (cross.kind == Crossover::Kind::never_faster)
    text +=
        fmt::format("crossover, {}: dense attention is faster at the longest length at which both were timed\n", pass);
  if (cross.kind == Crossover::Kind::unknown)
    text += fmt::format("crossover, {}: unknown, dense attention was not timed\n", pass);
  return text;
}

}  // namespace

std::string profile_report(const Profile& profile) {
  const ProfileRequest& request = profile.request;
  std::string text = fmt::format(
      "backend {}, {}, {} head{} of dimension {}, {} thread{}, {} repetition{}; median ± half the interquartile "
      "range\n\n",
      request.backend, name_of(request.precision), request.heads, request.heads == 1 ? "" : "s", request.head_dim,
      profile.threads, profile.threads == 1 ? "" : "s", request.repetitions, request.repetitions == 1 ? "" : "s");
  text += forward_table(profile) + "\n" + backward_table(profile) + "\n";
  if (!request.methods.empty()) text += methods_table(profile) + "\n";
  if (!profile.device.empty()) text += device_report(profile);
  text += conclusions(profile, "forward") + conclusions(profile, "backward");
  if (profile.sizes.back().tokens > request.dense_limit)
    text += fmt::format("dense attention was timed up to {} tokens (--dense-limit)\n", request.dense_limit);
  return text;
}

}  // namespace llsa::compare::profile
