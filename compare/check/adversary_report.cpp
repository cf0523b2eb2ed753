#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "compare/check/adversaries.hpp"
#include "compare/text_table.hpp"

namespace llsa::compare::check {
namespace {

using Json = nlohmann::ordered_json;

/// Never "100" or "0" of what is less or more.
std::string percent(const AdversaryCount& c) {
  if (c.tried == 0) return "-";
  const double share = 100 * static_cast<double>(c.rejected) / static_cast<double>(c.tried);
  if (c.rejected > 0 && share < 1) return "<1";
  if (c.rejected < c.tried && share > 99) return ">99";
  return fmt::format("{:.0f}", share);
}

}  // namespace

std::string to_text(const AdversaryReport& report) {
  std::vector<std::string> heads{"outputs", "size"};
  for (const DType type : adversary_precisions) heads.emplace_back(name_of(type));
  for (const DType type : adversary_precisions) heads.push_back(fmt::format("{} +i", name_of(type)));
  heads.emplace_back("must be");
  TextTable table(heads);
  std::int64_t tried = 0;
  for (const AdversaryLine& line : report.lines) {
    std::vector<std::string> row{line.kind, line.size == 0 ? "" : fmt::format("{}", line.size)};
    for (const auto* counts : {&line.without_indices, &line.with_indices})
      for (const AdversaryCount& count : *counts) {
        row.push_back(percent(count));
        tried += count.tried;
      }
    row.push_back(std::string(line.right ? "0" : line.sure ? "100" : "") + (line.passed() ? "" : "  FAIL"));
    table.add(std::move(row));
  }
  return table.text() + fmt::format(
                            "Percent of outputs that verify did not accept, by the type they are stored in; +i: with "
                            "indices. Seed {}, {} "
                            "outputs judged. Sizes are relative to the tensor's root mean square, where not said "
                            "otherwise.\nverdict: {}\n",
                            report.seed, tried, report.passed() ? "right" : "WRONG");
}

std::string to_json(const AdversaryReport& report) {
  Json j{{"verdict", report.passed() ? "right" : "wrong"}, {"seed", report.seed}, {"lines", Json::array()}};
  for (const AdversaryLine& line : report.lines) {
    Json entry{{"kind", line.kind},
               {"size", line.size},
               {"must", line.right  ? "be accepted"
                        : line.sure ? "be rejected"
                                    : ""},
               {"passed", line.passed()}};
    for (std::size_t n = 0; n < std::size(adversary_precisions); ++n)
      for (const bool indices : {false, true}) {
        const AdversaryCount& c = (indices ? line.with_indices : line.without_indices)[n];
        entry["counts"].push_back({{"precision", name_of(adversary_precisions[n])},
                                   {"indices", indices},
                                   {"rejected", c.rejected},
                                   {"tried", c.tried}});
      }
    j["lines"].push_back(std::move(entry));
  }
  return j.dump(2) + "\n";
}

}  // namespace llsa::compare::check
