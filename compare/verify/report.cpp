#include "compare/verify/report.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "llsa/option_metadata.hpp"
#include "compare/text_table.hpp"

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

std::vector<std::string> cells(const TensorVerdict& v) {
  std::vector<std::string> row{v.name, std::string(name_of(v.verdict))};
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
  TextTable table({"tensor", "verdict", "rel L2", "1 - cos", "max err", "allowed"});
  for (const TensorVerdict& v : report.tensors) {
    table.add(cells(v));
    if (!v.equation.empty()) table.add_note(v.equation);
    for (const std::string& finding : v.findings) table.add_note(finding);
  }
  std::string text = table.text();
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  std::string left_out;
  for (const TensorVerdict& v : report.tensors)
    if (v.verdict == Verdict::not_judged) left_out += (left_out.empty() ? "" : ", ") + v.name;
  return text + "verdict: " + (report.right() ? "right" : "WRONG") +
         (left_out.empty() ? "" : ", except that " + left_out + " could not be judged") + "\n";
}

std::string to_json(const VerifyReport& report) {
  Json j{{"verdict", report.right() ? "right" : "wrong"}};
  for (const auto& [name, value] : llsa::option_metadata(report.options)) j["options"][name] = value;
  j["tensors"] = Json::array();
  for (const TensorVerdict& v : report.tensors) j["tensors"].push_back(to_json(v));
  j["notes"] = report.notes;
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace llsa::compare::verify
