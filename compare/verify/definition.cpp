#include "compare/verify/definition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace llsa::compare::verify {
namespace {

using reference::AttendedKey;
using Lists = std::vector<std::vector<std::int32_t>>;

constexpr double infinity = std::numeric_limits<double>::infinity();

double dot(const double* x, const double* y, std::int64_t dim) { return std::inner_product(x, x + dim, y, 0.0); }

/// Levels 0..levels of one tensor under a pooling rule.
std::vector<Tensor<double>> pooled(const Tensor<double>& fine, std::int64_t block_size, int levels, Pooling pooling) {
  const Hierarchy hierarchy(fine.shape().tokens, block_size, levels);
  std::vector<Tensor<double>> sums{fine}, result{fine};
  for (int l = 1; l <= levels; ++l) {
    const Shape shape{fine.shape().batch, fine.shape().heads, hierarchy.length(l), fine.shape().dim};
    sums.emplace_back(shape);
    result.emplace_back(shape);
    // Means of children are built from the level below as it is, everything else from sums over fine tokens.
    const Tensor<double>& below =
        pooling == Pooling::mean_of_children ? result[result.size() - 2] : sums[sums.size() - 2];
    for (std::int64_t head = 0; head < shape.batch * shape.heads; ++head)
      for (std::int64_t t = 0; t < shape.tokens; ++t) {
        const TokenRange children = hierarchy.children(l, t);
        const double divisor = pooling == Pooling::mean          ? static_cast<double>(hierarchy.count(l, t))
                               : pooling == Pooling::zero_padded ? std::pow(static_cast<double>(block_size), l)
                               : pooling == Pooling::sum         ? 1.0
                                                                 : static_cast<double>(children.size());
        for (std::int64_t d = 0; d < shape.dim; ++d) {
          double sum = 0;
          for (std::int64_t c = children.begin; c < children.end; ++c) sum += below.view().head(head)(c, d);
          sums.back().view().head(head)(t, d) = sum;
          result.back().view().head(head)(t, d) = sum / divisor;
        }
      }
  }
  return result;
}

double weight_of(const Definition& definition, int level, std::int64_t token) {
  if (!definition.options.reweight) return 1;
  const auto count = static_cast<double>(definition.options.key.count(level, token));
  const auto block_size = static_cast<double>(definition.options.block_size);
  switch (definition.keys.weight) {
    case Weight::count:
      return count;
    case Weight::full_span:
      return std::pow(block_size, level);
    case Weight::block_size:
      return block_size;
    case Weight::squared_count:
      return count * count;
  }
  return count;
}

/// How many fine keys the selected ragged last block lacks to a full one.
double padded_keys(const ResolvedOptions& o, const Lists& lists) {
  const std::int64_t blocks = (o.key.tokens() + o.block_size - 1) / o.block_size;
  const bool selected = o.levels == 0 || std::ranges::count(lists[1], static_cast<std::int32_t>(blocks - 1)) > 0;
  return selected ? static_cast<double>(blocks * o.block_size - o.key.tokens()) : 0;
}

}  // namespace

DefinitionEvaluator::DefinitionEvaluator(const Problem<double>& problem, int most_levels)
    : problem_(problem), most_levels_(most_levels) {}

DefinitionEvaluator::Levels& DefinitionEvaluator::levels(Pooling pooling) {
  const auto known = levels_.find(pooling);
  if (known != levels_.end()) return known->second;
  const std::int64_t b = problem_.options.block_size;
  return levels_[pooling] = {pooled(problem_.query, b, most_levels_, pooling),
                             pooled(problem_.key, b, most_levels_, pooling),
                             pooled(problem_.value, b, most_levels_, pooling)};
}

std::vector<std::int32_t> DefinitionEvaluator::select(const Definition& definition, Levels& levels, int level,
                                                      std::int64_t head, std::int64_t i,
                                                      const std::vector<std::int32_t>& parents, double* margin) {
  const ResolvedOptions& o = definition.options;
  const SelectionRule& rule = definition.selection;
  std::vector<std::int32_t> found;
  const auto append = [&found](TokenRange range) {
    for (std::int64_t c = range.begin; c < range.end; ++c) found.push_back(static_cast<std::int32_t>(c));
  };
  if (level == o.levels || rule.flat)
    append({0, o.key.length(level)});
  else
    for (const std::int32_t parent : parents) append(o.key.children(level + 1, parent));

  const bool above = level < o.levels;
  const int query_level = level + (rule.parent_query && above), key_level = level + (rule.parent_key && above);
  const auto queries = levels.query[static_cast<std::size_t>(query_level)].view().head(head);
  const auto keys = levels.key[static_cast<std::size_t>(key_level)].view().head(o.key_head(head));
  const double* query = queries.row(o.query.ancestor(query_level, i));
  struct Scored {
    std::int32_t token;
    double score;
  };
  std::vector<Scored> scored;
  double longest = 0;
  for (const std::int32_t c : found) {
    const double* row = keys.row(key_level == level ? c : c / o.block_size);
    const double score = dot(query, row, keys.dim);
    scored.push_back({c, std::isnan(score) ? -infinity : rule.lowest_scores ? -score : score});
    longest = std::max(longest, dot(row, row, keys.dim));
  }
  std::sort(scored.begin(), scored.end(), [&](const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score > b.score;
    return rule.ties_to_higher ? a.token > b.token : a.token < b.token;
  });
  const auto size =
      static_cast<std::size_t>(std::min<std::int64_t>(o.k(level), static_cast<std::int64_t>(scored.size())));
  if (margin != nullptr && size < scored.size()) {
    const double unit = std::sqrt(longest * dot(query, query, keys.dim));
    const double gap = scored[size - 1].score - scored[size].score;
    *margin = std::min(*margin, unit > 0 ? gap / unit : gap);
  }
  std::vector<std::int32_t> selected;
  for (std::size_t k = 0; k < size; ++k) selected.push_back(scored[k].token);
  const auto own = static_cast<std::int32_t>(o.query.ancestor(level, i));
  if (rule.own_block && std::find(found.begin(), found.end(), own) != found.end() &&
      std::find(selected.begin(), selected.end(), own) == selected.end())
    selected.back() = own;
  return selected;
}

Lists DefinitionEvaluator::chain(const Definition& definition, std::int64_t head, std::int64_t i, double* margin) {
  const ResolvedOptions& o = definition.options;
  Lists result(static_cast<std::size_t>(o.levels) + 1);
  if (o.levels == 0) return result;
  std::int64_t block = i / o.block_size;
  if (definition.selection.parent_row) block /= o.block_size;
  block = std::clamp<std::int64_t>(block + definition.selection.block_shift, 0, o.query.length(1) - 1);
  Levels& pool = levels(definition.pooling);
  for (int l = o.levels; l >= 1; --l) {
    const auto at = static_cast<std::size_t>(l);
    static const std::vector<std::int32_t> none;
    result[at] = select(definition, pool, l, head, block * o.block_size, l < o.levels ? result[at + 1] : none, margin);
  }
  return result;
}

Lists DefinitionEvaluator::lists(const Definition& definition, std::int64_t head, std::int64_t i) {
  return chain(definition, head, i, nullptr);
}

double DefinitionEvaluator::margin(const Definition& definition, std::int64_t head, std::int64_t i) {
  double smallest = infinity;
  chain(definition, head, i, &smallest);
  return smallest;
}

std::vector<AttendedKey> DefinitionEvaluator::key_set(const Definition& definition, const Lists& lists) {
  const ResolvedOptions& o = definition.options;
  const KeyRule& rule = definition.keys;
  std::vector<AttendedKey> keys;
  const auto append_fine = [&](TokenRange range) {
    for (std::int64_t j = range.begin; j < range.end; ++j) keys.push_back({0, j, 1});
  };
  if (rule.dropped_level != 0) {
    if (o.levels == 0)
      append_fine({0, o.key.tokens()});
    else
      for (const std::int32_t block : lists[1]) append_fine(o.key.children(1, block));
  }
  for (int l = 1; l <= o.enrichment_levels; ++l) {
    if (l == rule.dropped_level) continue;
    const std::vector<std::int32_t>& refined = lists[static_cast<std::size_t>(l)];
    const auto append = [&](std::int64_t c) {
      const bool drop = o.coverage == Coverage::disjoint &&
                        std::find(refined.begin(), refined.end(), static_cast<std::int32_t>(c)) != refined.end();
      if (!drop) keys.push_back({l, c, weight_of(definition, l, c)});
    };
    if (rule.selected_as_coarse) {
      for (const std::int32_t c : refined) keys.push_back({l, c, weight_of(definition, l, c)});
    } else if (l == o.levels || rule.every_coarse) {
      for (std::int64_t c = 0; c < o.key.length(l); ++c) append(c);
    } else {
      for (const std::int32_t parent : lists[static_cast<std::size_t>(l) + 1]) {
        const TokenRange children = o.key.children(l + 1, parent);
        for (std::int64_t c = children.begin; c < children.end; ++c) append(c);
      }
    }
  }
  return keys;
}

const double* DefinitionEvaluator::key(const Definition& definition, std::int64_t head, const AttendedKey& ref) {
  return levels(definition.pooling)
      .key[static_cast<std::size_t>(ref.level)]
      .view()
      .head(definition.options.key_head(head))
      .row(ref.token);
}

const double* DefinitionEvaluator::value(const Definition& definition, std::int64_t head, const AttendedKey& ref) {
  return levels(definition.pooling)
      .value[static_cast<std::size_t>(ref.level)]
      .view()
      .head(definition.options.key_head(head))
      .row(ref.token);
}

DefinedRow DefinitionEvaluator::row(const Definition& definition, std::int64_t head, std::int64_t i,
                                    const Selection* given) {
  const ResolvedOptions& o = definition.options;
  Lists selected;
  if (given != nullptr) {
    selected.resize(static_cast<std::size_t>(o.levels) + 1);
    for (int l = 1; l <= o.levels; ++l) {
      const auto list = given->list(l, head, o.query.ancestor(l, i));
      selected[static_cast<std::size_t>(l)].assign(list.begin(), list.end());
    }
  } else {
    selected = lists(definition, head, i);
  }
  DefinedRow row;
  row.keys = key_set(definition, selected);
  const auto query = problem_.query.view().head(head);
  const double unit = definition.keys.base_two ? std::log(2.0) : 1.0;
  row.largest = -infinity;
  for (const AttendedKey& ref : row.keys) {
    const double score =
        unit * (o.scale * dot(query.row(i), key(definition, head, ref), query.dim) + std::log(ref.weight));
    row.probability.push_back(score);
    row.largest = std::max(row.largest, score);
  }
  double sum = 0;
  // Keys behind the end of K, read as zeros: each scores 0 and adds nothing to O.
  const double padding = definition.keys.zero_tail ? padded_keys(o, selected) : 0;
  if (padding > 0) row.largest = std::max(row.largest, 0.0);
  for (double& p : row.probability) sum += p = std::exp(p - row.largest);
  sum += padding * std::exp(-row.largest);
  row.output.assign(static_cast<std::size_t>(problem_.value.shape().dim), 0.0);
  for (std::size_t j = 0; j < row.keys.size(); ++j) {
    row.probability[j] /= sum;
    const double* v = value(definition, head, row.keys[j]);
    for (std::size_t d = 0; d < row.output.size(); ++d) row.output[d] += row.probability[j] * v[d];
  }
  row.lse = row.largest + std::log(sum);
  return row;
}

}  // namespace llsa::compare::verify
