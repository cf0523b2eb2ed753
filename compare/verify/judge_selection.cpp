#include "compare/verify/judge_selection.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compare/verify/diagnose.hpp"
#include "compare/verify/repair.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

void judge_lists(TensorVerdict& v, double gap) {
  const SelectionComparison& c = *v.selection;
  if (!same_tokens(c, gap)) {
    v.verdict = Verdict::wrong;
    v.findings.push_back(explain(c));
    if (c.tie_flips > 0 && c.tie_flips == c.flips) v.findings.push_back("looks like: ties go to the higher index");
  } else if (!same_order(c, gap)) {
    v.findings.push_back(
        fmt::format("the right tokens, but {} of {} lists are not ordered by score (which changes no value)",
                    c.misordered_lists, c.lists));
  }
}

bool named(const TensorVerdict& v) {
  return std::ranges::any_of(v.findings, [](const std::string& f) { return f.starts_with("looks like"); });
}

}  // namespace

SelectionVerdicts judge_selection(const Problem<double>& problem, const Theirs& theirs, double gap, bool diagnose,
                                  ThreadPool& threads, const std::function<void()>& on_alternatives) {
  const ResolvedOptions o = problem.resolved();
  SelectionVerdicts result;
  result.given.assign(static_cast<std::size_t>(o.levels) + 1, false);
  if (theirs.indices.empty()) return result;
  Selection lists(problem.head_count(), o);
  std::vector<bool> given = result.given;
  for (const auto& [level, indices] : theirs.indices) {
    lists.level(level) = indices;
    given[static_cast<std::size_t>(level)] = true;
  }
  const LevelMeans means{reference::pool<double>(problem.query.view(), o.query, threads).coarse,
                         reference::pool<double>(problem.key.view(), o.key, threads).coarse};
  const Repaired mended = repaired(lists, given, means, o);
  bool wrong = false;
  for (const auto& [level, indices] : theirs.indices) {
    TensorVerdict v{.name = fmt::format("indices_{}", level), .verdict = Verdict::right};
    v.tolerance.score_gap = gap;
    v.judged = {.rows = indices.heads * indices.queries,
                .exact = indices.heads * indices.queries,
                .elements = static_cast<std::int64_t>(indices.indices.size())};
    if (const std::string& error = mended.errors[static_cast<std::size_t>(level)]; !error.empty()) {
      v.verdict = Verdict::wrong;
      v.findings.push_back(error);
    } else {
      v.selection = compare_selection(mended.lists, means.query, means.key, o, level, level);
      judge_lists(v, gap);
    }
    wrong |= v.verdict == Verdict::wrong;
    result.tensors.push_back(std::move(v));
  }
  const bool whole = !mended.repaired();
  if (whole) {
    result.lists = mended.lists;
    result.given = given;
  }
  result.note = whole ? "values are judged on their selection"
                      : "the indices are not a selection of this problem: values are judged on ours";
  if (!wrong || !diagnose) return result;
  on_alternatives();
  const std::string finding = diagnose_selection(problem, o, mended.lists, given);
  for (TensorVerdict& v : result.tensors)
    if (v.verdict == Verdict::wrong && v.selection && !finding.empty() && !named(v)) v.findings.push_back(finding);
  return result;
}

}  // namespace llsa::compare::verify
