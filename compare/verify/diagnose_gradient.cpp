// A wrong gradient as a combination of the right one's parts, or as that of an alternative definition.
#include <fmt/core.h>

#include <algorithm>

#include "compare/verify/diagnose.hpp"
#include "compare/verify/locate.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

/// Multiplications that trying alternatives may take (about ten seconds), and how much less the reference needs.
constexpr double affordable = 1e10;
constexpr double reference_cost = 0.05;

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
  return d.residual <= std::max(3 * how.tolerance.relative_l2, 0.03 * std::min(1.0, how.comparison.relative_l2));
}

/// Finds the alternative definition whose gradient this is. For plain ones the reference computes it; the others are
/// evaluated query by query (dQ on sampled rows; dK and dV need every query), as long as that is affordable.
class Alternatives {
 public:
  Alternatives(DefinitionEvaluator& evaluator, const Selection* selection, const std::vector<RowRef>& rows,
               const Suspect& how, ThreadPool& threads)
      : evaluator_(evaluator), selection_(selection), rows_(rows), how_(how), threads_(threads) {
    plain_.rows.clear();
  }

  std::string find(const std::string& name, const Tensor<double>& got, const ResolvedOptions& options,
                   const std::string& hint) {
    Explanations explanations(how_.tolerance);
    std::vector<Definition> definitions = alternative_definitions(options, evaluator_.problem().query.shape().dim);
    std::stable_partition(definitions.begin(), definitions.end(),
                          [&](const Definition& d) { return hint.find(d.name) != std::string::npos; });
    for (const Definition& definition : definitions) {
      if (selection_ != nullptr && definition.changes_selection) continue;
      if (name == "dq") {
        const Tensor<double> theirs = rows_of(got, rows_);
        const Tensor<double> candidate = sum_of(query_parts(evaluator_, definition, rows_, selection_), theirs.shape());
        explanations.add(definition.name, compare(theirs.view(), candidate.view(), plain_));
      } else if (const auto candidate = key_or_value(name, definition); !candidate.flat().empty()) {
        explanations.add(definition.name, compare(got.view(), candidate.view(), plain_));
      }
      if (explanations.explained()) break;  // likely ones come first, and each is costly
    }
    return explanations.text(how_.comparison.relative_l2);
  }

 private:
  /// dK or dV under a definition; empty when it would take too long.
  Tensor<double> key_or_value(const std::string& name, const Definition& definition) {
    const Shape& q = evaluator_.problem().query.shape();
    const auto keys = static_cast<double>(evaluator_.row(definition, 0, 0, selection_).keys.size());
    const double cost = (definition.is_plain() ? reference_cost : 1) * 6 * keys * static_cast<double>(q.dim) *
                        static_cast<double>(q.tokens);
    if (cost > budget_) return {};
    budget_ -= cost;
    if (definition.is_plain()) {
      const ResolvedOptions& o = definition.options;
      Problem<double> problem = evaluator_.problem();
      problem.options = {.block_size = o.block_size,
                         .levels = o.levels,
                         .top_k = o.levels == 0 ? std::vector<std::int64_t>{1} : o.top_k,
                         .enrichment_levels = o.enrichment_levels,
                         .reweight = o.reweight,
                         .coverage = o.coverage,
                         .scale = o.scale};
      reference::ReferenceAttention<double> reference(threads_);
      Outcome<double> outcome = run_attention<double>(reference, problem, selection_);
      return std::move(name == "dk" ? outcome.key_gradient : outcome.value_gradient);
    }
    HeadGradients gradients = definition_gradients(evaluator_, definition, 0, selection_);
    return std::move(name == "dk" ? gradients.key : gradients.value);
  }

  DefinitionEvaluator& evaluator_;
  const Selection* selection_;
  const std::vector<RowRef>& rows_;
  const Suspect& how_;
  ThreadPool& threads_;
  CompareOptions plain_ = how_.how;
  double budget_ = affordable;
};

}  // namespace

GradientFinding diagnose_gradient(const Problem<double>& problem, const ResolvedOptions& options,
                                  const Selection* selection, const std::string& name, const Tensor<double>& got,
                                  const Suspect& how, bool wrong, const std::string& hint, ThreadPool& threads) {
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
  const bool explained = explains(finding.decomposition, how);
  if (explained && !reading.errors.empty()) {
    finding.findings = std::move(reading.errors);
    return finding;
  }
  if (!explained)
    finding.equation = fmt::format("{} is no combination of the parts of the right one: residual {:.2g}", symbol(name),
                                   finding.decomposition.residual);
  const std::string other = Alternatives(evaluator, selection, rows, how, threads).find(name, got, options, hint);
  if (!other.empty()) finding.findings.push_back(other);
  return finding;
}

}  // namespace llsa::compare::verify
