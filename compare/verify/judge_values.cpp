#include "compare/verify/judge_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compare/verify/leaning.hpp"
#include "compare/verify/precision_limit.hpp"

namespace llsa::compare::verify {
namespace {

/// Leaves out rows that are not finite on one side only, in heads whose sums exceed the precision. Returns how many.
std::int64_t leave_out(const Problem<double>& problem, const ResolvedOptions& options, const Suspect& s,
                       const PrecisionLimit& limit, std::vector<char>& rows) {
  const Shape& shape = s.want->shape();
  const bool of_keys = s.name == "dk" || s.name == "dv";
  std::int64_t left_out = 0;
  rows.assign(s.comparison.row_errors.size(), 1);
  std::vector<char> exceeds(static_cast<std::size_t>(shape.batch * shape.heads), 0);
  for (std::int64_t head = 0; head < problem.head_count(); ++head)
    exceeds[static_cast<std::size_t>(of_keys ? options.key_head(head) : head)] |=
        limit.heads[static_cast<std::size_t>(head)];
  for (std::size_t row = 0; row < rows.size(); ++row)
    if (exceeds[row / static_cast<std::size_t>(shape.tokens)] && std::isinf(s.comparison.row_errors[row])) {
      rows[row] = 0;
      ++left_out;
    }
  return left_out;
}

/// Rows whose query block attends to a ragged last block of keys; empty when there is none, or for dK and dV.
std::vector<char> tail_rows(const Suspect& s, const Outcome<double>& truth) {
  const ResolvedOptions& o = truth.options;
  if (o.levels == 0 || o.key.tokens() % o.block_size == 0 || s.name == "dk" || s.name == "dv") return {};
  const Shape& shape = s.want->shape();
  std::vector<char> rows;
  for (std::int64_t head = 0; head < shape.batch * shape.heads; ++head)
    for (std::int64_t t = 0; t < shape.tokens; ++t)
      rows.push_back(std::ranges::count(truth.selection.list(1, head, t / o.block_size),
                                        static_cast<std::int32_t>(o.key.length(1) - 1)) > 0);
  return rows;
}

}  // namespace

TensorVerdict judge_values(const Problem<double>& problem, const Suspect& s, const Expected& expected,
                           const Outcome<double>& truth, DType arithmetic) {
  TensorVerdict v{.name = s.name,
                  .verdict = Verdict::right,
                  .tolerance = s.tolerance,
                  .judged = expected.judged,
                  .comparison = s.comparison};
  std::vector<char> rows = expected.exact;
  if (s.comparison.nonfinite_differences > 0)
    if (const PrecisionLimit limit = precision_limit(problem, arithmetic); limit.any()) {
      CompareOptions how = s.how;
      const std::int64_t left_out = leave_out(problem, truth.options, s, limit, how.rows);
      if (left_out > 0) {
        v.judged.not_judged = std::min(v.judged.elements, v.judged.not_judged + left_out * s.want->shape().dim);
        v.findings.push_back(fmt::format("{}: {} rows are not judged", limit.what, left_out));
        v.comparison = compare(s.got->view(), s.want->view(), how);
        if (v.comparison->elements == 0) v.verdict = Verdict::not_judged;
        if (rows.empty()) rows = how.rows;
      }
    }
  if (v.judged.not_judged == v.judged.elements) v.verdict = Verdict::not_judged;
  if (const std::string why = explain(*v.comparison, s.tolerance); !why.empty()) {
    v.verdict = Verdict::wrong;
    v.findings.push_back(why);
    return v;
  }
  if (!(s.tolerance.relative_l2 < 0.5)) {
    v.verdict = Verdict::not_judged;
    v.judged.not_judged = v.judged.elements;
    v.findings.push_back("scores are so large that their rounding decides everything: nothing is judged");
    return v;
  }
  const LeaningOptions options{.tolerance = s.tolerance,
                               .absolute = s.how.absolute,
                               .storage = s.how.storage,
                               .floor = s.how.floor,
                               .block_size = truth.options.block_size,
                               .rows = rows,
                               .tail = tail_rows(s, truth)};
  for (const Leaning& leaning : find_leanings(s.got->view(), s.want->view(), options)) {
    v.verdict = Verdict::wrong;
    v.findings.push_back(leaning.text());
  }
  return v;
}

}  // namespace llsa::compare::verify
