#include "compare/verify/gradient_parts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "reference/attend_backward.hpp"

namespace llsa::compare::verify {
namespace {

double dot(const double* x, const double* y, std::int64_t dim) { return std::inner_product(x, x + dim, y, 0.0); }

/// One level of a gradient as parts: through its full tokens, and through a last token that stands for fewer.
void append_level(std::vector<Part>& parts, int level, Term term, const Tensor<double>& gradient,
                  const Hierarchy& keys) {
  const std::int64_t last = keys.length(level) - 1, last_count = keys.count(level, last);
  const std::int64_t span = level == 0 ? 1 : keys.count(level, 0);
  const std::int64_t tail_begin = last * (level == 0 ? 1 : keys.span(level));
  const bool ragged = last > 0 && last_count < span;
  for (const bool tail : {false, true}) {
    if (tail && !ragged) continue;
    Part part{level, tail, static_cast<double>(tail ? last_count : span), term, {}};
    part.values.assign(gradient.flat().begin(), gradient.flat().end());
    const Shape& s = gradient.shape();
    for (std::size_t n = 0; ragged && n < part.values.size(); ++n) {
      const auto token = static_cast<std::int64_t>(n) / s.dim % s.tokens;
      if ((token >= tail_begin) != tail) part.values[n] = 0;
    }
    parts.push_back(std::move(part));
  }
}

/// <dO_i, O_i>, negated: as the gradient of LSE it makes the delta term of dS.
Tensor<double> negative_delta(const Problem<double>& problem, const Outcome<double>& outcome) {
  Tensor<double> result(outcome.lse.shape());
  const std::int64_t dim = outcome.output.shape().dim;
  for (std::size_t row = 0; row < result.flat().size(); ++row)
    result.flat()[row] = -dot(problem.output_gradient.data() + row * static_cast<std::size_t>(dim),
                              outcome.output.data() + row * static_cast<std::size_t>(dim), dim);
  return result;
}

Tensor<double> difference(const Tensor<double>& a, const Tensor<double>& b) {
  Tensor<double> result = a;
  for (std::size_t n = 0; n < result.flat().size(); ++n) result.flat()[n] -= b.flat()[n];
  return result;
}

}  // namespace

KeyValueParts key_value_parts(const Problem<double>& problem, const Outcome<double>& outcome, bool by_term,
                              ThreadPool& threads) {
  const ResolvedOptions& o = outcome.options;
  const auto key = reference::pool<double>(problem.key.view(), o.key, threads);
  const auto value = reference::pool<double>(problem.value.view(), o.key, threads);
  const auto split = [&](const Tensor<double>& output_gradient, TensorView<const double> lse_gradient) {
    return reference::attend_backward_parts(
        {.problem = {problem.query.view(), problem.key.view(), problem.value.view(), key, value, outcome.selection, o},
         .output = outcome.output.view(),
         .lse = outcome.lse.view(),
         .output_gradient = output_gradient.view(),
         .lse_gradient = lse_gradient,
         .query_gradient = {},
         .key_gradient = {},
         .value_gradient = {}},
        threads);
  };
  KeyValueParts parts;
  const TensorView<const double> lse_gradient = problem.output_gradients().lse;
  if (!by_term) {
    const reference::GradientParts all = split(problem.output_gradient, lse_gradient);
    for (int l = 0; l <= o.enrichment_levels; ++l) {
      append_level(parts.key, l, Term::whole, all.key[static_cast<std::size_t>(l)], o.key);
      append_level(parts.value, l, Term::whole, all.value[static_cast<std::size_t>(l)], o.key);
    }
    return parts;
  }
  // dS is linear in dO and dLSE, so each term is a gradient of its own.
  const Tensor<double> zero(problem.output_gradient.shape()), delta = negative_delta(problem, outcome);
  const reference::GradientParts no_lse = split(problem.output_gradient, {}), of_delta = split(zero, delta.view());
  reference::GradientParts of_lse;
  if (problem.has_lse_gradient()) of_lse = split(zero, lse_gradient);
  for (int l = 0; l <= o.enrichment_levels; ++l) {
    const auto at = static_cast<std::size_t>(l);
    append_level(parts.value, l, Term::whole, no_lse.value[at], o.key);
    append_level(parts.key, l, Term::product, difference(no_lse.key[at], of_delta.key[at]), o.key);
    append_level(parts.key, l, Term::delta, of_delta.key[at], o.key);
    if (problem.has_lse_gradient()) append_level(parts.key, l, Term::lse, of_lse.key[at], o.key);
  }
  return parts;
}

std::vector<Part> query_parts(DefinitionEvaluator& evaluator, const Definition& definition,
                              const std::vector<RowRef>& rows, const Selection* selection) {
  const Problem<double>& problem = evaluator.problem();
  const ResolvedOptions& o = definition.options;
  const std::int64_t dim = problem.query.shape().dim, value_dim = problem.value.shape().dim;
  const std::vector<Term> terms = problem.has_lse_gradient() ? std::vector{Term::product, Term::delta, Term::lse}
                                                             : std::vector{Term::product, Term::delta};
  // Part number [level][tail][term].
  std::vector<Part> parts;
  for (int l = 0; l <= o.enrichment_levels; ++l)
    for (const bool tail : {false, true})
      for (const Term term : terms) {
        const std::int64_t last = o.key.length(l) - 1;
        const auto count = static_cast<double>(o.key.count(l, tail ? last : 0));
        parts.push_back({l, tail, count, term, std::vector<double>(rows.size() * static_cast<std::size_t>(dim), 0.0)});
      }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto [head, i] = rows[r];
    const DefinedRow row = evaluator.row(definition, head, i, selection);
    const double* output_gradient = problem.output_gradient.view().head(head).row(i);
    const double delta = dot(output_gradient, row.output.data(), value_dim);
    const double lse_gradient = problem.has_lse_gradient() ? problem.lse_gradient.view().head(head)(i, 0) : 0;
    for (std::size_t j = 0; j < row.keys.size(); ++j) {
      const reference::AttendedKey& ref = row.keys[j];
      const std::int64_t last = o.key.length(ref.level) - 1;
      const bool tail = ref.token == last && last > 0 && o.key.count(ref.level, last) < o.key.count(ref.level, 0);
      const double* k = evaluator.key(definition, head, ref);
      const double factor = o.scale * row.probability[j];
      const double product = factor * dot(output_gradient, evaluator.value(definition, head, ref), value_dim);
      const std::size_t first = (static_cast<std::size_t>(ref.level) * 2 + tail) * terms.size();
      for (std::size_t t = 0; t < terms.size(); ++t) {
        const double score_gradient =
            terms[t] == Term::product ? product : factor * (terms[t] == Term::delta ? -delta : lse_gradient);
        double* sum = parts[first + t].values.data() + r * static_cast<std::size_t>(dim);
        for (std::int64_t d = 0; d < dim; ++d) sum[d] += score_gradient * k[d];
      }
    }
  }
  std::erase_if(parts, [&](const Part& part) {
    return part.tail && std::all_of(part.values.begin(), part.values.end(), [](double x) { return x == 0; });
  });
  return parts;
}

HeadGradients definition_gradients(DefinitionEvaluator& evaluator, const Definition& definition, std::int64_t head,
                                   const Selection* selection) {
  const Problem<double>& problem = evaluator.problem();
  const ResolvedOptions& o = definition.options;
  const std::int64_t dim = problem.query.shape().dim, value_dim = problem.value.shape().dim;
  const std::int64_t queries = problem.query.shape().tokens, keys = problem.key.shape().tokens;
  HeadGradients result{Tensor<double>({1, 1, queries, dim}), Tensor<double>({1, 1, keys, dim}),
                       Tensor<double>({1, 1, keys, value_dim})};
  std::vector<Tensor<double>> key_gradient, value_gradient;
  for (int l = 0; l <= o.levels; ++l) {
    key_gradient.emplace_back(Shape{1, 1, o.key.length(l), dim});
    value_gradient.emplace_back(Shape{1, 1, o.key.length(l), value_dim});
  }
  std::vector<std::vector<std::int64_t>> writer;  // [level][key token]: the query block that wrote it last
  for (int l = 0; l <= o.levels; ++l) writer.emplace_back(static_cast<std::size_t>(o.key.length(l)), -1);
  const double unit = definition.keys.base_two ? std::log(2.0) : 1.0;
  for (std::int64_t i = 0; i < queries; ++i) {
    const DefinedRow row = evaluator.row(definition, head, i, selection);
    const double* output_gradient = problem.output_gradient.view().head(head).row(i);
    const double* query = problem.query.view().head(head).row(i);
    const double lse_gradient = problem.has_lse_gradient() ? problem.lse_gradient.view().head(head)(i, 0) : 0;
    const double constant = lse_gradient - dot(output_gradient, row.output.data(), value_dim);
    double* query_gradient = result.query.view().head(0).row(i);
    for (std::size_t j = 0; j < row.keys.size(); ++j) {
      const reference::AttendedKey& ref = row.keys[j];
      const auto level = static_cast<std::size_t>(ref.level);
      const double p = row.probability[j];
      const double* k = evaluator.key(definition, head, ref);
      const double* v = evaluator.value(definition, head, ref);
      const double score_gradient = unit * o.scale * p * (dot(output_gradient, v, value_dim) + constant);
      double* dk = key_gradient[level].view().head(0).row(ref.token);
      double* dv = value_gradient[level].view().head(0).row(ref.token);
      std::int64_t& last = writer[level][static_cast<std::size_t>(ref.token)];
      if (definition.last_writer_wins && last != i / o.block_size) {
        std::fill(dk, dk + dim, 0.0);
        std::fill(dv, dv + value_dim, 0.0);
      }
      last = i / o.block_size;
      for (std::int64_t d = 0; d < dim; ++d) {
        query_gradient[d] += score_gradient * k[d];
        dk[d] += score_gradient * query[d];
      }
      for (std::int64_t d = 0; d < value_dim; ++d) dv[d] += p * output_gradient[d];
    }
  }
  // Every fine token gets its ancestors' gradients, divided by what their pooling divided by.
  for (int l = 0; l <= o.levels; ++l)
    for (std::int64_t j = 0; j < keys; ++j) {
      const std::int64_t t = o.key.ancestor(l, j);
      const double count = definition.pooling == Pooling::sum           ? 1.0
                           : definition.pooling == Pooling::zero_padded ? std::pow(static_cast<double>(o.block_size), l)
                                                                        : static_cast<double>(o.key.count(l, t));
      const auto level = static_cast<std::size_t>(l);
      for (std::int64_t d = 0; d < dim; ++d) result.key(0, 0, j, d) += key_gradient[level](0, 0, t, d) / count;
      for (std::int64_t d = 0; d < value_dim; ++d)
        result.value(0, 0, j, d) += value_gradient[level](0, 0, t, d) / count;
    }
  return result;
}

}  // namespace llsa::compare::verify
