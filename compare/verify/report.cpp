#include "compare/verify/report.hpp"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "compare/text_table.hpp"
#include "llsa/option_metadata.hpp"

namespace llsa::compare::verify {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(Term term) {
  switch (term) {
    case Term::whole:
      return "whole";
    case Term::product:
      return "product";
    case Term::delta:
      return "delta";
    case Term::lse:
      return "lse";
  }
  return "?";
}

/// Never "100%" of what is less.
std::string percent(double share) {
  return share >= 1 ? "100%" : fmt::format("{:.1f}%", std::floor(1000 * share) / 10);
}

/// How rows were judged that are not held against the one right result.
std::string judged_how(const Judged& j) {
  std::string text = fmt::format("judged: {} of {} rows on the one right result", j.exact, j.rows);
  if (j.alternative > 0) text += fmt::format(", {} on that of a near-tied selection", j.alternative);
  if (j.bounded > 0) text += fmt::format(", {} by bounds of all selections within rounding", j.bounded);
  if (j.not_judged > 0) text += fmt::format("; {} of {} elements not judged", j.not_judged, j.elements);
  return text;
}

std::vector<std::string> cells(const TensorVerdict& v) {
  std::vector<std::string> row{v.name, std::string(name_of(v.verdict)), percent(v.judged.share())};
  if (v.comparison) {
    const Comparison& c = *v.comparison;
    row.push_back(fmt::format("{:.1e}", c.relative_l2));
    row.push_back(fmt::format("{:.1e}", 1 - c.cosine));
    row.push_back(fmt::format("{:.1e}", c.max_error));
    row.push_back(
        fmt::format("{:.1e} {:.1e} {:.1e}", v.tolerance.relative_l2, v.tolerance.cosine, v.tolerance.element));
  } else if (v.selection) {
    row.push_back(fmt::format("{} flips", v.selection->flips));
    row.push_back(fmt::format("gap {:.1e}", v.selection->largest_gap));
    row.push_back("");
    row.push_back(fmt::format("gap {:.1e}", v.tolerance.score_gap));
  }
  return row;
}

Json to_json(const TensorVerdict& v) {
  Json j{{"name", v.name},
         {"verdict", v.verdict == Verdict::right   ? "right"
                     : v.verdict == Verdict::wrong ? "wrong"
                                                   : "not judged"}};
  j["judged"] = {{"share", v.judged.share()},
                 {"rows", v.judged.rows},
                 {"exact_rows", v.judged.exact},
                 {"alternative_rows", v.judged.alternative},
                 {"bounded_rows", v.judged.bounded},
                 {"elements", v.judged.elements},
                 {"elements_not_judged", v.judged.not_judged}};
  if (v.comparison) {
    const Comparison& c = *v.comparison;
    j["relative_l2"] = c.relative_l2;
    j["cosine"] = c.cosine;
    j["max_error"] = c.max_error;
    j["worst"] = {{"at", c.worst}, {"got", c.got}, {"want", c.want}};
    j["nonfinite_differences"] = c.nonfinite_differences;
    j["tolerance"] = {
        {"relative_l2", v.tolerance.relative_l2}, {"cosine", v.tolerance.cosine}, {"max_error", v.tolerance.element}};
  }
  if (v.selection) {
    const SelectionComparison& s = *v.selection;
    j["lists"] = s.lists;
    j["wrong_lengths"] = s.wrong_lengths;
    j["flips"] = s.flips;
    j["flipped_lists"] = s.flipped_lists;
    j["largest_gap"] = s.largest_gap;
    j["tie_flips"] = s.tie_flips;
    j["misordered_lists"] = s.misordered_lists;
    j["tolerance"] = {{"score_gap", v.tolerance.score_gap}};
  }
  if (v.decomposition) {
    j["equation"] = v.equation;
    j["residual"] = v.decomposition->residual;
    for (const Coefficient& c : v.decomposition->coefficients)
      j["coefficients"].push_back({{"level", c.part.level},
                                   {"tail", c.part.tail},
                                   {"term", name_of(c.part.term)},
                                   {"value", c.value},
                                   {"error", c.error}});
  }
  j["findings"] = v.findings;
  return j;
}

}  // namespace

std::string to_text(const VerifyReport& report) {
  TextTable table({"tensor", "verdict", "judged", "rel L2", "1 - cos", "max err", "allowed"});
  std::string short_of;
  for (const TensorVerdict& v : report.tensors) {
    table.add(cells(v));
    if (!v.equation.empty()) table.add_note(v.equation);
    for (const std::string& finding : v.findings) table.add_note(finding);
    if (v.judged.exact < v.judged.rows && v.judged.not_judged < v.judged.elements) table.add_note(judged_how(v.judged));
    if (!(v.judged.share() >= report.required))
      short_of += fmt::format("{}{} {}", short_of.empty() ? "" : ", ", v.name, percent(v.judged.share()));
  }
  std::string text = table.text();
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  const Conclusion conclusion = report.conclusion();
  text += "verdict: " + (conclusion == Conclusion::wrong ? std::string("WRONG") : std::string(name_of(conclusion)));
  if (conclusion == Conclusion::not_judged_enough)
    text += fmt::format(" ({} judged, --require-judged asks for {})", short_of, percent(report.required));
  return text + "\n";
}

std::string to_json(const VerifyReport& report) {
  Json j{{"verdict", name_of(report.conclusion())}, {"require_judged", report.required}};
  for (const auto& [name, value] : llsa::option_metadata(report.options)) j["options"][name] = value;
  j["tensors"] = Json::array();
  for (const TensorVerdict& v : report.tensors) j["tensors"].push_back(to_json(v));
  j["notes"] = report.notes;
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace llsa::compare::verify
