#include "compare/check/report.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compare/text_table.hpp"

namespace llsa::compare::check {
namespace {

using Json = nlohmann::ordered_json;

std::string selection_cell(const BatteryLine& line) {
  if (!line.selection || line.selection->lists == 0) return "-";
  if (line.selection->exact()) return "exact";
  return fmt::format("{} flips, gap {:.0e}", line.selection->flips,
                     std::max(line.selection->largest_gap, line.selection->largest_order_gap));
}

std::string error_cell(const BatteryLine& line, const char* quantity) {
  for (const auto& [name, c] : line.values)
    if (name == quantity) return c.nonfinite_differences > 0 ? "non-finite" : fmt::format("{:.1e}", c.relative_l2);
  return "-";
}

std::int64_t count_passed(const BatteryReport& report) {
  return std::count_if(report.lines.begin(), report.lines.end(), [](const BatteryLine& line) { return line.passed; });
}

}  // namespace

std::string to_text(const BatteryReport& report) {
  TextTable table({"check", "oracle", "selection", "o", "lse", "dq", "dk", "dv", "allowed", "verdict"});
  std::int64_t controls = 0;
  for (const BatteryLine& line : report.lines) {
    controls += line.control;
    std::vector<std::string> row{line.name, line.oracle, selection_cell(line)};
    for (const char* quantity : {"o", "lse", "dq", "dk", "dv"}) row.push_back(error_cell(line, quantity));
    row.push_back(line.values.empty() ? "-" : fmt::format("{:.1e}", line.tolerance.relative_l2));
    row.push_back(line.control  ? (line.passed ? "rejected, as it must be" : "FAIL: accepted")
                  : line.passed ? "pass"
                                : "FAIL");
    table.add(std::move(row));
    if (!line.passed)
      for (const std::string& finding : line.findings) table.add_note(finding);
  }
  const std::int64_t passed = count_passed(report);
  return table.text() +
         fmt::format(
             "{} in {}, seed {}: {} of {} lines pass, {} of them negative controls (wrong results that must be "
             "rejected). Columns o to dv: relative L2 error.\nverdict: {}\n",
             report.backend, name_of(report.precision), report.seed, passed, report.lines.size(), controls,
             report.passed() ? "right" : "WRONG");
}

std::string to_json(const BatteryReport& report) {
  const std::int64_t passed = count_passed(report);
  Json j{{"verdict", report.passed() ? "right" : "wrong"},
         {"backend", report.backend},
         {"precision", name_of(report.precision)},
         {"seed", report.seed},
         {"passed", passed},
         {"failed", static_cast<std::int64_t>(report.lines.size()) - passed},
         {"lines", Json::array()}};
  for (const BatteryLine& line : report.lines) {
    Json entry{{"name", line.name},
               {"kind", line.control ? "control" : "check"},
               {"passed", line.passed},
               {"oracle", line.oracle}};
    if (line.selection)
      entry["selection"] = {{"lists", line.selection->lists},
                            {"flips", line.selection->flips},
                            {"largest_gap", line.selection->largest_gap},
                            {"misordered_lists", line.selection->misordered_lists},
                            {"allowed_gap", line.tolerance.score_gap}};
    for (const auto& [name, c] : line.values)
      entry["values"][name] = {{"relative_l2", c.relative_l2},
                               {"cosine", c.cosine},
                               {"max_error", c.max_error},
                               {"worst", {{"at", c.worst}, {"got", c.got}, {"want", c.want}}},
                               {"nonfinite_differences", c.nonfinite_differences}};
    if (!line.values.empty())
      entry["tolerance"] = {{"relative_l2", line.tolerance.relative_l2},
                            {"cosine", line.tolerance.cosine},
                            {"max_error", line.tolerance.element}};
    entry["findings"] = line.findings;
    j["lines"].push_back(std::move(entry));
  }
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace llsa::compare::check
