// Alternative definitions, evaluated on sampled rows and held against theirs.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "compare/verify/diagnose.hpp"
#include "compare/verify/locate.hpp"

namespace llsa::compare::verify {
namespace {

using Rows = std::vector<DefinedRow>;

/// Enough rows to tell alternatives apart, few enough that all of them take seconds.
std::size_t affordable_rows(std::size_t keys, std::int64_t dim, std::size_t definitions) {
  constexpr double operations = 3e9;
  const double one = 4.0 * static_cast<double>(keys + 64) * static_cast<double>(dim) * static_cast<double>(definitions);
  return static_cast<std::size_t>(std::clamp(operations / one, 24.0, 192.0));
}

Tensor<double> gathered(const Tensor<double>& tensor, const std::vector<RowRef>& rows) {
  Tensor<double> result({1, 1, static_cast<std::int64_t>(rows.size()), tensor.shape().dim});
  for (std::size_t r = 0; r < rows.size(); ++r)
    std::copy_n(tensor.view().head(rows[r].head).row(rows[r].token), tensor.shape().dim,
                result.data() + r * static_cast<std::size_t>(tensor.shape().dim));
  return result;
}

/// One tensor that sampled rows would hold, `fill(row, where to)`.
template <class Fill>
Tensor<double> predicted(const Rows& rows, std::int64_t dim, Fill fill) {
  Tensor<double> result({1, 1, static_cast<std::int64_t>(rows.size()), dim});
  for (std::size_t r = 0; r < rows.size(); ++r) fill(rows[r], result.data() + r * static_cast<std::size_t>(dim));
  return result;
}
Tensor<double> predicted_output(const Rows& rows, double (*factor)(const DefinedRow&)) {
  const auto dim = static_cast<std::int64_t>(rows.front().output.size());
  return predicted(rows, dim, [&](const DefinedRow& row, double* out) {
    std::transform(row.output.begin(), row.output.end(), out, [&](double x) { return x * factor(row); });
  });
}
Tensor<double> predicted_lse(const Rows& rows, double (*lse)(const DefinedRow&)) {
  return predicted(rows, 1, [&](const DefinedRow& row, double* out) { *out = lse(row); });
}

struct Transform {
  const char* name;
  double (*value)(const DefinedRow&);
};
/// What O is multiplied by.
constexpr Transform output_transforms[] = {
    {"", [](const DefinedRow&) { return 1.0; }},
    {"o is not divided by the softmax's sum", [](const DefinedRow& r) { return std::exp(r.lse - r.largest); }},
    {"o is not divided by the softmax's sum, and the maximum is not subtracted",
     [](const DefinedRow& r) { return std::exp(r.lse); }},
};
constexpr Transform lse_transforms[] = {
    {"", [](const DefinedRow& r) { return r.lse; }},
    {"lse is in base 2 (log2), not natural", [](const DefinedRow& r) { return r.lse / std::log(2.0); }},
    {"lse is only the largest score: the log of the sum is not added", [](const DefinedRow& r) { return r.largest; }},
    {"lse is only the log of the sum: the maximum is not added back",
     [](const DefinedRow& r) { return r.lse - r.largest; }},
    {"lse is the sum, not its logarithm", [](const DefinedRow& r) { return std::exp(r.lse); }},
    {"lse is the max-subtracted sum, not its logarithm",
     [](const DefinedRow& r) { return std::exp(r.lse - r.largest); }},
};

std::string combined(const std::string& definition, const char* transform) {
  if (definition.empty() || *transform == 0) return definition + transform;
  return definition + "; and " + transform;
}

/// One suspect on the sampled rows, with the candidates tried on it so far.
class Trial {
 public:
  Trial(const Suspect& suspect, const std::vector<RowRef>& rows)
      : got_(gathered(*suspect.got, rows)), how_(suspect.how), explanations_(suspect.tolerance) {
    how_.rows.clear();
    error_ = compare(got_.view(), gathered(*suspect.want, rows).view(), how_).relative_l2;
  }
  void add(const std::string& name, const Tensor<double>& candidate) {
    explanations_.add(name, compare(got_.view(), candidate.view(), how_));
  }
  std::string text() const { return explanations_.text(error_); }

 private:
  Tensor<double> got_;
  CompareOptions how_;
  Explanations explanations_;
  double error_ = 0;
};

bool same(const Rows& a, const Rows& b) {
  const auto near = [](double x, double y) { return std::abs(x - y) <= 1e-9 * (1 + std::abs(y)); };
  for (std::size_t r = 0; r < a.size(); ++r) {
    if (!near(a[r].lse, b[r].lse)) return false;
    for (std::size_t d = 0; d < a[r].output.size(); ++d)
      if (!near(a[r].output[d], b[r].output[d])) return false;
  }
  return true;
}

}  // namespace

ForwardFindings diagnose_forward(const Problem<double>& problem, const ResolvedOptions& options,
                                 const Selection* selection, const Suspect* output, const Suspect* lse) {
  DefinitionEvaluator evaluator(problem, options.levels + 1);
  const Definition right = specification(options);
  std::vector<Definition> definitions = alternative_definitions(options, problem.query.shape().dim);
  if (selection != nullptr) std::erase_if(definitions, [](const Definition& d) { return d.changes_selection; });

  std::vector<RowRef> wrong;
  for (const Suspect* suspect : {output, lse})
    if (suspect != nullptr)
      for (const RowRef& row : wrong_rows(suspect->comparison, suspect->want->shape(), suspect->tolerance.element))
        wrong.push_back(row);
  const std::size_t keys = evaluator.row(right, 0, 0, selection).keys.size();
  const Shape& shape = (output != nullptr ? output : lse)->want->shape();
  const std::vector<RowRef> rows =
      sample_rows(wrong, shape, affordable_rows(keys, problem.query.shape().dim, definitions.size()));
  const auto evaluate = [&](const Definition& definition) {
    Rows result;
    for (const RowRef& row : rows) result.push_back(evaluator.row(definition, row.head, row.token, selection));
    return result;
  };

  std::optional<Trial> of_output, of_lse;
  if (output != nullptr) of_output.emplace(*output, rows);
  if (lse != nullptr) of_lse.emplace(*lse, rows);
  const auto try_rows = [&](const std::string& name, const Rows& candidate, bool itself, bool transformed) {
    for (const Transform& t : output_transforms)
      if (of_output && (*t.name == 0 ? itself : transformed))
        of_output->add(combined(name, t.name), predicted_output(candidate, t.value));
    for (const Transform& t : lse_transforms)
      if (of_lse && (*t.name == 0 ? itself : transformed))
        of_lse->add(combined(name, t.name), predicted_lse(candidate, t.value));
  };
  const Rows specified = evaluate(right);
  try_rows("", specified, false, true);
  for (const Definition& definition : definitions) {
    const Rows candidate = evaluate(definition);
    if (!same(candidate, specified)) try_rows(definition.name, candidate, true, false);
  }
  ForwardFindings findings;
  if (of_output) findings.output = of_output->text();
  if (of_lse) findings.lse = of_lse->text();
  return findings;
}

std::string diagnose_selection(const Problem<double>& problem, const ResolvedOptions& options,
                               const Selection& selection, const std::vector<bool>& level_given) {
  DefinitionEvaluator evaluator(problem, options.levels + 1);
  std::vector<Definition> definitions = alternative_definitions(options, problem.query.shape().dim);
  std::erase_if(definitions, [](const Definition& d) { return !d.changes_selection || d.options.levels == 0; });

  const Shape blocks{1, problem.head_count(), options.query.length(1), 1};
  const std::vector<RowRef> sample = sample_rows({}, blocks, 384);
  /// The share of sampled lists that hold the tokens that `definition` selects.
  const auto agreement = [&](const Definition& definition) {
    std::int64_t lists = 0, same = 0;
    for (const RowRef& block : sample) {
      const auto expected = evaluator.lists(definition, block.head, block.token * options.block_size);
      for (int l = 1; l <= options.levels; ++l) {
        if (!level_given[static_cast<std::size_t>(l)] || l > definition.options.levels) continue;
        const auto list = selection.list(l, block.head, options.query.ancestor(l, block.token * options.block_size));
        std::vector<std::int32_t> got(list.begin(), list.end()), want = expected[static_cast<std::size_t>(l)];
        std::sort(got.begin(), got.end());
        std::sort(want.begin(), want.end());
        ++lists;
        same += got == want;
      }
    }
    return lists == 0 ? 0.0 : static_cast<double>(same) / static_cast<double>(lists);
  };
  const double right = agreement(specification(options));
  double best = right;
  std::string name;
  for (const Definition& definition : definitions)
    if (const double share = agreement(definition); share > best) {
      best = share;
      name = definition.name;
    }
  if (best >= 0.98 && best > right) return "looks like: " + name;
  if (best > 0.5 && best > 0.5 + right / 2)
    return fmt::format("closest: {} ({:.0f}% of the sampled lists, the definition {:.0f}%)", name, 100 * best,
                       100 * right);
  return {};
}

}  // namespace llsa::compare::verify
