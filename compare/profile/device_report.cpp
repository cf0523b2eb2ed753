#include <fmt/format.h>

#include "compare/markdown_table.hpp"
#include "compare/profile/device.hpp"
#include "compare/profile/fit.hpp"

namespace llsa::compare::profile {
namespace {

std::string time_of(const ProfileSeries& series) {
  const Quartiles q = quartiles(series.seconds());
  return fmt::format("{} ±{:.0f}%", format_seconds(q.median), 50 * (q.high - q.low) / q.median);
}

/// "12.3 (4%)": a rate and its part of the ceiling, if that is known.
std::string rate(double value, double ceiling, double unit) {
  if (value == 0) return "-";
  const std::string text = fmt::format("{:.2f}", value / unit);
  return ceiling > 0 ? fmt::format("{} ({:.0f}%)", text, 100 * value / ceiling) : text;
}

std::string stages_table(const Profile& profile, const ProfileSize& size) {
  const DeviceCeilings& ceilings = *size.ceilings;
  const double flops_ceiling = std::max(ceilings.score_flops_per_second, ceilings.value_flops_per_second);
  std::vector<std::vector<std::string>> rows;
  for (const ProfileSeries& warm : profile.series) {
    if (warm.tokens != size.tokens || warm.stage.find(',') != std::string::npos) continue;
    const ProfileSeries& flushed = *profile.find(warm.method, warm.pass, warm.stage + ", L2 flushed", size.tokens);
    const double seconds = median(warm.seconds());
    rows.push_back({fmt::format("{} {}: {}", warm.method, warm.pass, warm.stage), time_of(warm), time_of(flushed),
                    format_seconds(seconds / static_cast<double>(profile.request.heads)),
                    rate(warm.flops / seconds, flops_ceiling, 1e12),
                    rate(warm.bytes / seconds, ceilings.copy_bytes_per_second, 1e9)});
  }
  return markdown_table({"stage", "warm", "L2 flushed", "a head", "TFLOP/s", "GB/s"}, rows);
}

}  // namespace

std::string device_report(const Profile& profile) {
  std::string text = "device: " + profile.device + "\n";
  for (const ProfileSize& size : profile.sizes) {
    const DeviceCeilings& c = *size.ceilings;
    text += fmt::format("\n{} tokens: a copy within the device moves {:.0f} GB/s (read and written); ", size.tokens,
                        c.copy_bytes_per_second * 1e-9);
    text += c.product_missing.empty()
                ? fmt::format("cuBLASLt reaches {:.1f} TFLOP/s in the extents of Q Kᵀ and {:.1f} in those of P V\n\n",
                              c.score_flops_per_second * 1e-12, c.value_flops_per_second * 1e-12)
                : fmt::format("cuBLASLt's products were not timed: {}\n\n", c.product_missing);
    text += stages_table(profile, size);
  }
  return text +
         "\nRates count what the task asks for, every array once; in brackets their part of the ceilings above. Dense "
         "attention is this project's own kernel.\n\n";
}

}  // namespace llsa::compare::profile
