#include "planted.hpp"

#include <cmath>
#include <numeric>
#include <stdexcept>

namespace llsa::compare::verify {
namespace {

using reference::AttendedKey;
using Levels = std::vector<Tensor<double>>;

double dot(const double* x, const double* y, std::int64_t dim) { return std::inner_product(x, x + dim, y, 0.0); }

/// Levels 0 ... L.
Levels levels_of(const Tensor<double>& fine, const Hierarchy& hierarchy, const Mistake& mistake) {
  Levels levels = reference::naive_pool(fine.view(), hierarchy);
  for (int l = 1; l <= hierarchy.levels(); ++l) mistake.pooled(levels[static_cast<std::size_t>(l - 1)], hierarchy, l);
  levels.insert(levels.begin(), fine);
  return levels;
}

Levels coarse(const Levels& levels) { return {levels.begin() + 1, levels.end()}; }

}  // namespace

Outcome<double> compute(const Problem<double>& p, const Mistake& mistake) {
  ResolvedOptions o = p.resolved();
  mistake.options(o);
  const Levels query = levels_of(p.query, o.query, mistake), key = levels_of(p.key, o.key, mistake),
               value = levels_of(p.value, o.key, mistake);
  const std::int64_t dim = p.query.shape().dim, value_dim = p.value.shape().dim;
  Outcome<double> result;
  result.options = o;
  result.selection = mistake.select(coarse(query), coarse(key), o);
  result.output = Tensor<double>({p.query.shape().batch, p.query.shape().heads, p.query.shape().tokens, value_dim});
  result.lse = Tensor<double>({p.query.shape().batch, p.query.shape().heads, p.query.shape().tokens, 1});
  result.query_gradient = Tensor<double>(p.query.shape());
  result.key_gradient = Tensor<double>(p.key.shape());
  result.value_gradient = Tensor<double>(p.value.shape());
  for (std::int64_t head = 0; head < p.head_count(); ++head)
    for (std::int64_t i = 0; i < o.query.tokens(); ++i) {
      std::vector<AttendedKey> keys = reference::naive_key_set(result.selection, o, head, i);
      mistake.keys(keys, o);
      const double* q = p.query.view().head(head).row(i);
      const auto k_of = [&](const AttendedKey& r) {
        return key[static_cast<std::size_t>(r.level)].view().head(head).row(r.token);
      };
      const auto v_of = [&](const AttendedKey& r) {
        return value[static_cast<std::size_t>(r.level)].view().head(head).row(r.token);
      };
      std::vector<double> scores;
      double sum = 0, largest = -1e300;
      for (const AttendedKey& r : keys) {
        scores.push_back(o.scale * dot(q, k_of(r), dim) + std::log(r.weight));
        largest = std::max(largest, scores.back());
      }
      for (const double s : scores) sum += std::exp(s - largest);
      const double lse = largest + std::log(sum);
      double* out = result.output.view().head(head).row(i);
      for (std::size_t j = 0; j < keys.size(); ++j)
        for (std::int64_t d = 0; d < value_dim; ++d) out[d] += std::exp(scores[j] - lse) * v_of(keys[j])[d];
      result.lse.view().head(head)(i, 0) = lse;
      if (!p.has_gradient()) continue;

      const double* out_gradient = p.output_gradient.view().head(head).row(i);
      const double lse_gradient = p.has_lse_gradient() ? p.lse_gradient.view().head(head)(i, 0) : 0;
      const double constant = mistake.lse_gradient * lse_gradient - mistake.delta * dot(out_gradient, out, value_dim);
      for (std::size_t j = 0; j < keys.size(); ++j) {
        const AttendedKey& r = keys[j];
        const double probability = std::exp(scores[j] - lse) * mistake.backward_factor(r);
        const double score_gradient = o.scale * probability * (dot(out_gradient, v_of(r), value_dim) + constant);
        for (std::int64_t d = 0; d < dim; ++d)
          result.query_gradient.view().head(head)(i, d) += mistake.query_factor * score_gradient * k_of(r)[d];
        const TokenRange fine = o.key.fine(r.level, r.token);
        const double divisor = r.level == 0 ? 1.0 : mistake.divisor(r.level, static_cast<double>(fine.size()));
        for (std::int64_t t = fine.begin; t < fine.end; ++t) {
          for (std::int64_t d = 0; d < dim; ++d)
            result.key_gradient.view().head(head)(t, d) += mistake.key_factor * score_gradient * q[d] / divisor;
          for (std::int64_t d = 0; d < value_dim; ++d)
            result.value_gradient.view().head(head)(t, d) += probability * out_gradient[d] / divisor;
        }
      }
    }
  return result;
}

Theirs written(const Outcome<double>& outcome, const Written& how) {
  Theirs theirs;
  const auto add = [&](const std::string& name, const Tensor<double>& tensor) {
    if (tensor.flat().empty() ||
        (!how.only.empty() && std::find(how.only.begin(), how.only.end(), name) == how.only.end()))
      return;
    TheirTensor t{tensor, how.storage};
    for (double& x : t.values.flat()) x = rounded_to(how.storage, x);
    theirs.tensors[name] = std::move(t);
  };
  add("o", outcome.output);
  add("lse", outcome.lse);
  add("dq", outcome.query_gradient);
  add("dk", outcome.key_gradient);
  add("dv", outcome.value_gradient);
  if (how.indices)
    for (int l = 1; l <= outcome.selection.levels(); ++l) theirs.indices[l] = outcome.selection.level(l);
  return theirs;
}

Problem<double> ragged_problem(const std::function<void(BatteryCase&)>& change) {
  BatteryCase spec{.name = "",
                   .query = {1, 2, 203, 8},
                   .key = {1, 2, 203, 8},
                   .value_dim = 8,
                   .options = {.block_size = 4, .levels = 2, .top_k = {3, 2}},
                   .seed = 11};
  change(spec);
  return make_problem(spec);
}

VerifyReport verify_outcome(const Problem<double>& problem, const Outcome<double>& outcome, const Written& how) {
  ThreadPool threads(1);
  return verify(problem, written(outcome, how), {.tolerance = {}, .inputs = DType::f32}, threads);
}

VerifyReport verify_mistake(const Problem<double>& problem, const Mistake& mistake, const Written& how) {
  return verify_outcome(problem, compute(problem, mistake), how);
}

const TensorVerdict& verdict_of(const VerifyReport& report, const std::string& name) {
  for (const TensorVerdict& v : report.tensors)
    if (v.name == name) return v;
  throw std::runtime_error(name + " was not judged");
}

std::string findings_of(const VerifyReport& report, const std::string& name) {
  const TensorVerdict& v = verdict_of(report, name);
  std::string text = v.equation;
  for (const std::string& finding : v.findings) text += "\n" + finding;
  return text;
}

}  // namespace llsa::compare::verify
