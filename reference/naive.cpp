#include "reference/naive.hpp"

#include <algorithm>
#include <cmath>

namespace llsa::reference {
namespace {

/// The fine token's ancestor, one level at a time: floor(i / B^l).
std::int64_t ancestor(std::int64_t i, std::int64_t block_size, int level) {
  for (int l = 0; l < level; ++l) i /= block_size;
  return i;
}

/// `counts[l][t]`: how many fine tokens have token t of level l as their ancestor, found by asking each of them.
std::vector<std::vector<std::int64_t>> count_tokens(std::int64_t tokens, std::int64_t block_size, int levels) {
  std::vector<std::vector<std::int64_t>> counts;
  for (int l = 0; l <= levels; ++l) {
    counts.emplace_back(static_cast<std::size_t>(ancestor(tokens - 1, block_size, l) + 1), 0);
    for (std::int64_t i = 0; i < tokens; ++i) ++counts.back()[static_cast<std::size_t>(ancestor(i, block_size, l))];
  }
  return counts;
}

using Counts = std::vector<std::vector<std::int64_t>>;

Counts key_counts(const ResolvedOptions& options) {
  return count_tokens(options.key.tokens(), options.block_size, options.levels);
}

/// The key tokens of `level` below token `parent` of the level above.
std::vector<std::int64_t> children(const Counts& counts, const ResolvedOptions& options, int level,
                                   std::int64_t parent) {
  std::vector<std::int64_t> tokens;
  const auto length = static_cast<std::int64_t>(counts[static_cast<std::size_t>(level)].size());
  for (std::int64_t c = parent * options.block_size; c < length && c / options.block_size == parent; ++c)
    tokens.push_back(c);
  return tokens;
}

/// The key tokens of `level` that query token `t` of that level may choose from.
std::vector<std::int64_t> candidates_of(const Counts& counts, const Selection& selection,
                                        const ResolvedOptions& options, int level, std::int64_t head, std::int64_t t) {
  std::vector<std::int64_t> tokens;
  if (level == options.levels) {
    for (std::size_t c = 0; c < counts[static_cast<std::size_t>(level)].size(); ++c)
      tokens.push_back(static_cast<std::int64_t>(c));
    return tokens;
  }
  for (const std::int32_t parent : selection.list(level + 1, head, t / options.block_size))
    for (const std::int64_t c : children(counts, options, level, parent)) tokens.push_back(c);
  return tokens;
}

std::vector<AttendedKey> key_set(const Counts& counts, const Selection& selection, const ResolvedOptions& options,
                                 std::int64_t head, std::int64_t i) {
  std::vector<AttendedKey> keys;
  if (options.levels == 0) {
    for (std::int64_t j = 0; j < options.key.tokens(); ++j) keys.push_back({0, j, 1});
    return keys;
  }
  for (const std::int32_t block : selection.list(1, head, ancestor(i, options.block_size, 1)))
    for (const std::int64_t j : children(counts, options, 0, block)) keys.push_back({0, j, 1});
  for (int level = 1; level <= options.enrichment_levels; ++level) {
    const std::int64_t t = ancestor(i, options.block_size, level);
    const auto refined = selection.list(level, head, t);
    for (const std::int64_t c : candidates_of(counts, selection, options, level, head, t)) {
      const bool is_refined = std::find(refined.begin(), refined.end(), c) != refined.end();
      if (options.coverage == Coverage::disjoint && is_refined) continue;
      const std::int64_t count = counts[static_cast<std::size_t>(level)][static_cast<std::size_t>(c)];
      keys.push_back({level, c, options.reweight ? static_cast<double>(count) : 1.0});
    }
  }
  return keys;
}

std::vector<double> row(const HeadView<const double>& view, std::int64_t token) {
  std::vector<double> values;
  for (std::int64_t d = 0; d < view.dim; ++d) values.push_back(view(token, d));
  return values;
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t d = 0; d < x.size(); ++d) sum += x[d] * y[d];
  return sum;
}

/// Level l of one tensor at `[l]`, the tensor itself at `[0]`.
std::vector<TensorView<const double>> all_levels(TensorView<const double> fine,
                                                 const std::vector<Tensor<double>>& coarse) {
  std::vector<TensorView<const double>> levels{fine};
  for (const Tensor<double>& level : coarse) levels.push_back(level.view());
  return levels;
}

/// The key sets of one problem, with the vectors that the tokens stand for.
class KeySets {
 public:
  KeySets(const AttentionInputs<double>& inputs, const Selection& selection, const ResolvedOptions& options)
      : selection_(selection),
        options_(options),
        counts_(key_counts(options)),
        pooled_key_(naive_pool(inputs.key, options.key)),
        pooled_value_(naive_pool(inputs.value, options.key)),
        key_(all_levels(inputs.key, pooled_key_)),
        value_(all_levels(inputs.value, pooled_value_)) {}

  const Counts& counts() const { return counts_; }
  std::vector<AttendedKey> of(std::int64_t head, std::int64_t i) const {
    return key_set(counts_, selection_, options_, head, i);
  }
  std::vector<WeightedKey> vectors(std::int64_t head, const std::vector<AttendedKey>& refs) const {
    std::vector<WeightedKey> keys;
    for (const AttendedKey& ref : refs) {
      const auto level = static_cast<std::size_t>(ref.level);
      const std::int64_t key_head = head / options_.group;
      keys.push_back(
          {row(key_[level].head(key_head), ref.token), row(value_[level].head(key_head), ref.token), ref.weight});
    }
    return keys;
  }

 private:
  const Selection& selection_;
  const ResolvedOptions& options_;
  Counts counts_;
  std::vector<Tensor<double>> pooled_key_, pooled_value_;
  std::vector<TensorView<const double>> key_, value_;
};

/// Zero gradients of every level of a tensor, `[0]` fine.
std::vector<Tensor<double>> zeros_per_level(const Shape& fine, const Counts& counts) {
  std::vector<Tensor<double>> levels;
  for (const auto& level : counts)
    levels.emplace_back(Shape{fine.batch, fine.heads, static_cast<std::int64_t>(level.size()), fine.dim});
  return levels;
}

/// The fine gradient plus, from each level, the ancestor's gradient divided by the ancestor's count.
Tensor<double> unpool(const std::vector<Tensor<double>>& levels, const Counts& counts, std::int64_t block_size) {
  Tensor<double> sum = levels[0];
  for (std::size_t l = 1; l < levels.size(); ++l)
    for (std::int64_t head = 0; head < sum.shape().batch * sum.shape().heads; ++head)
      for (std::int64_t i = 0; i < sum.shape().tokens; ++i)
        for (std::int64_t d = 0; d < sum.shape().dim; ++d) {
          const std::int64_t t = ancestor(i, block_size, static_cast<int>(l));
          sum.view().head(head)(i, d) +=
              levels[l].view().head(head)(t, d) / static_cast<double>(counts[l][static_cast<std::size_t>(t)]);
        }
  return sum;
}

}  // namespace

std::vector<Tensor<double>> naive_pool(TensorView<const double> x, const Hierarchy& hierarchy) {
  const Counts counts = count_tokens(x.shape.tokens, hierarchy.block_size(), hierarchy.levels());
  std::vector<Tensor<double>> levels = zeros_per_level(x.shape, counts);
  for (int l = 1; l <= hierarchy.levels(); ++l)
    for (std::int64_t head = 0; head < x.shape.batch * x.shape.heads; ++head) {
      const auto mean = levels[static_cast<std::size_t>(l)].view().head(head);
      for (std::int64_t i = 0; i < x.shape.tokens; ++i)
        for (std::int64_t d = 0; d < x.shape.dim; ++d)
          mean(ancestor(i, hierarchy.block_size(), l), d) += x.head(head)(i, d);
      for (std::int64_t t = 0; t < mean.tokens; ++t)
        for (std::int64_t d = 0; d < x.shape.dim; ++d)
          mean(t, d) /= static_cast<double>(counts[static_cast<std::size_t>(l)][static_cast<std::size_t>(t)]);
    }
  levels.erase(levels.begin());
  return levels;
}

Selection naive_select(const std::vector<Tensor<double>>& query, const std::vector<Tensor<double>>& key,
                       const ResolvedOptions& options) {
  const std::int64_t heads = options.levels == 0 ? 0 : query[0].shape().batch * query[0].shape().heads;
  const Counts counts = key_counts(options);
  Selection selection(heads, options);
  for (int level = options.levels; level >= 1; --level)
    for (std::int64_t head = 0; head < heads; ++head) {
      const auto q = query[static_cast<std::size_t>(level - 1)].view().head(head);
      const auto k = key[static_cast<std::size_t>(level - 1)].view().head(head / options.group);
      for (std::int64_t t = 0; t < q.tokens; ++t) {
        std::vector<std::pair<double, std::int64_t>> scored;
        for (const std::int64_t c : candidates_of(counts, selection, options, level, head, t))
          scored.emplace_back(dot(row(q, t), row(k, c)), c);
        std::sort(scored.begin(), scored.end(), [](const auto& x, const auto& y) {
          const bool x_nan = std::isnan(x.first), y_nan = std::isnan(y.first);
          if (x_nan != y_nan) return y_nan;
          if (!x_nan && x.first != y.first) return x.first > y.first;
          return x.second < y.second;
        });
        const auto kept = std::min(scored.size(), static_cast<std::size_t>(options.k(level)));
        for (std::size_t n = 0; n < kept; ++n)
          selection.level(level).row(head, t)[n] = static_cast<std::int32_t>(scored[n].second);
      }
    }
  return selection;
}

std::vector<AttendedKey> naive_key_set(const Selection& selection, const ResolvedOptions& options, std::int64_t head,
                                       std::int64_t i) {
  return key_set(key_counts(options), selection, options, head, i);
}

NaiveOutputs naive_forward(const AttentionInputs<double>& inputs, const Selection& selection,
                           const ResolvedOptions& options) {
  const KeySets key_sets(inputs, selection, options);
  const Shape& q = inputs.query.shape;
  NaiveOutputs outputs{Tensor<double>({q.batch, q.heads, q.tokens, inputs.value.shape.dim}),
                       Tensor<double>({q.batch, q.heads, q.tokens, 1})};
  for (std::int64_t head = 0; head < q.batch * q.heads; ++head)
    for (std::int64_t i = 0; i < q.tokens; ++i) {
      const std::vector<WeightedKey> keys = key_sets.vectors(head, key_sets.of(head, i));
      const NaiveRow result = naive_row(row(inputs.query.head(head), i), keys, options.scale);
      outputs.lse.view().head(head)(i, 0) = result.lse;
      for (std::size_t d = 0; d < result.output.size(); ++d)
        outputs.output.view().head(head)(i, static_cast<std::int64_t>(d)) = result.output[d];
    }
  return outputs;
}

NaiveGradients naive_backward(const AttentionInputs<double>& inputs, const Selection& selection,
                              const ResolvedOptions& options,
                              const AttentionOutputGradients<double>& output_gradients) {
  const KeySets key_sets(inputs, selection, options);
  const Counts& counts = key_sets.counts();
  Tensor<double> query_gradient(inputs.query.shape);
  std::vector<Tensor<double>> key_gradient = zeros_per_level(inputs.key.shape, counts);
  std::vector<Tensor<double>> value_gradient = zeros_per_level(inputs.value.shape, counts);
  const Shape& q = inputs.query.shape;
  for (std::int64_t head = 0; head < q.batch * q.heads; ++head)
    for (std::int64_t i = 0; i < q.tokens; ++i) {
      const std::vector<double> query = row(inputs.query.head(head), i);
      const std::vector<double> output_gradient = row(output_gradients.output.head(head), i);
      const double lse_gradient = output_gradients.lse.data ? output_gradients.lse.head(head)(i, 0) : 0.0;
      const std::vector<AttendedKey> refs = key_sets.of(head, i);
      const std::vector<WeightedKey> keys = key_sets.vectors(head, refs);
      const NaiveRow result = naive_row(query, keys, options.scale);
      const double delta = dot(output_gradient, result.output);
      for (std::size_t j = 0; j < keys.size(); ++j) {
        const double s = options.scale * dot(query, keys[j].key) + std::log(keys[j].weight);
        const double p = std::exp(s - result.lse);
        const double ds = p * (dot(output_gradient, keys[j].value) - delta + lse_gradient);
        const auto level = static_cast<std::size_t>(refs[j].level);
        double* dq = query_gradient.view().head(head).row(i);
        double* dk = key_gradient[level].view().head(head / options.group).row(refs[j].token);
        double* dv = value_gradient[level].view().head(head / options.group).row(refs[j].token);
        for (std::size_t d = 0; d < output_gradient.size(); ++d) dv[d] += p * output_gradient[d];
        for (std::size_t d = 0; d < query.size(); ++d) {
          dq[d] += options.scale * ds * keys[j].key[d];
          dk[d] += options.scale * ds * query[d];
        }
      }
    }
  return {std::move(query_gradient), unpool(key_gradient, counts, options.block_size),
          unpool(value_gradient, counts, options.block_size)};
}

}  // namespace llsa::reference
