// A wrong gradient as a combination of the right one's parts, or as that of an alternative definition.
#include <fmt/core.h>

#include <algorithm>

#include "compare/diagnose.hpp"
#include "compare/locate.hpp"
#include "reference/attention.hpp"

namespace llsa::compare {
namespace {

/// Multiplications that trying alternatives may take; about ten seconds.
constexpr double affordable = 4e9;

std::string symbol(const std::string& name) { return name == "dq" ? "dQ" : name == "dk" ? "dK" : "dV"; }

Tensor<double> rows_of(const Tensor<double>& tensor, const std::vector<RowRef>& rows) {
  Tensor<double> result({1, 1, static_cast<std::int64_t>(rows.size()), tensor.shape().dim});
  for (std::size_t r = 0; r < rows.size(); ++r)
    std::copy_n(tensor.view().head(rows[r].head).row(rows[r].token), tensor.shape().dim,
                result.data() + r * static_cast<std::size_t>(tensor.shape().dim));
  return result;
}

Tensor<double> sum_of(const std::vector<Part>& parts, const Shape& shape) {
  Tensor<double> sum(shape);
  for (const Part& part : parts)
    for (std::size_t n = 0; n < part.values.size(); ++n) sum.flat()[n] += part.values[n];
  return sum;
}

/// The parts explain the gradient when what is left is no more than right results may be off by, or a small part of the
/// error (a part that is scaled unevenly, for example).
bool explains(const Decomposition& d, const Suspect& how) {
  return d.residual <= std::max(3 * how.tolerance.relative_l2, 0.03 * how.comparison.relative_l2);
}

/// Which alternative definition's gradient this is. dQ is compared on `rows`, dK and dV need every query.
std::string alternative(DefinitionEvaluator& evaluator, const ResolvedOptions& options, const Selection* selection,
                        const std::string& name, const Tensor<double>& got, const std::vector<RowRef>& rows,
                        const Suspect& how) {
  Explanations explanations(how.tolerance);
  const Shape& q = evaluator.problem().query.shape();
  double budget = affordable;
  CompareOptions plain = how.how;
  plain.rows.clear();
  for (const Definition& definition : alternative_definitions(options, q.dim)) {
    if (selection != nullptr && definition.changes_selection) continue;
    const double keys = static_cast<double>(evaluator.row(definition, 0, 0, selection).keys.size());
    const double cost = 6 * keys * static_cast<double>(q.dim) *
                        static_cast<double>(name == "dq" ? rows.size() : static_cast<std::size_t>(q.tokens));
    if ((budget -= cost) < 0) break;
    if (name == "dq") {
      const Tensor<double> theirs = rows_of(got, rows);
      const Tensor<double> candidate = sum_of(query_parts(evaluator, definition, rows, selection), theirs.shape());
      explanations.add(definition.name, compare(theirs.view(), candidate.view(), plain));
    } else {
      const HeadGradients g = definition_gradients(evaluator, definition, 0, selection);
      explanations.add(definition.name, compare(got.view(), (name == "dk" ? g.key : g.value).view(), plain));
    }
    if (explanations.explained()) break;  // likely ones come first, and each is costly
  }
  return explanations.text(how.comparison.relative_l2);
}

}  // namespace

GradientFinding diagnose_gradient(const Problem<double>& problem, const ResolvedOptions& options,
                                  const Selection* selection, const std::string& name, const Tensor<double>& got,
                                  const Suspect& how, bool wrong, reference::ThreadPool& threads) {
  DefinitionEvaluator evaluator(problem, options.levels + 1);
  const std::vector<RowRef> rows =
      sample_rows(wrong_rows(how.comparison, got.shape(), how.tolerance.element), got.shape(), 256);
  GradientFinding finding;
  if (name == "dq") {
    const std::vector<Part> parts = query_parts(evaluator, specification(options), rows, selection);
    finding.decomposition = decompose(parts, rows_of(got, rows).flat());
  } else {
    reference::ReferenceAttention<double> reference(threads);
    const Outcome<double> outcome = run_attention<double>(reference, problem, selection);
    const KeyValueParts parts = key_value_parts(problem, outcome, wrong && name == "dk", threads);
    finding.decomposition = decompose(name == "dk" ? parts.key : parts.value, got.flat());
  }
  Reading reading = read(finding.decomposition, symbol(name), options);
  finding.equation = std::move(reading.equation);
  if (!wrong) return finding;
  if (explains(finding.decomposition, how)) {
    finding.findings = std::move(reading.errors);
    return finding;
  }
  finding.equation = fmt::format("{} is no combination of the parts of the right one: residual {:.2g}", symbol(name),
                                 finding.decomposition.residual);
  std::string other = alternative(evaluator, options, selection, name, got, rows, how);
  if (!other.empty())
    finding.findings.push_back(std::move(other));
  else if (finding.decomposition.residual < 0.5 * how.comparison.relative_l2) {
    finding.findings = std::move(reading.errors);
    finding.findings.push_back("the parts explain only some of the error (see the residual)");
  }
  return finding;
}

}  // namespace llsa::compare
