#include "viewer/model/query_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reference/one_query.hpp"

namespace llsa::viewer {
namespace {

/// Sixteen sums, so that the compiler can use vector registers without reordering a single one.
double dot(const float* a, const float* b, std::int64_t n) {
  constexpr std::int64_t lanes = 16;
  float sums[lanes] = {};
  std::int64_t d = 0;
  for (; d + lanes <= n; d += lanes)
    for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] += a[d + lane] * b[d + lane];
  double total = 0;
  for (const float sum : sums) total += static_cast<double>(sum);
  for (; d < n; ++d) total += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return total;
}

LevelView view_level(const HeadSelection& head, int level, std::int64_t position) {
  LevelView view;
  view.query_token = head.options.query.ancestor(level, position);
  const LevelSelection& lists = head.selection.level(level);
  const auto selected = lists.list(0, view.query_token);
  const float* scores = head.scores[static_cast<std::size_t>(level - 1)].data() + view.query_token * lists.width;
  view.selected = static_cast<std::int64_t>(selected.size());
  for (std::size_t rank = 0; rank < selected.size(); ++rank)
    view.candidates.push_back({selected[rank], static_cast<int>(rank), scores[rank]});
  std::vector<std::int32_t> all, chosen(selected.begin(), selected.end());
  candidates(head.selection, head.options, level, 0, view.query_token, all);
  std::ranges::sort(all);
  std::ranges::sort(chosen);
  const auto q = head.query.level(level).head(0), k = head.key.level(level).head(0);
  for (const std::int32_t token : all) {
    if (std::ranges::binary_search(chosen, token)) continue;
    view.candidates.push_back({token, -1, static_cast<float>(dot(q.row(view.query_token), k.row(token), q.dim))});
  }
  return view;
}

void attend(QueryView& view, const HeadSelection& head, std::vector<double>& output) {
  const ResolvedOptions& o = head.options;
  const Head& tokens = *head.head;
  const std::int64_t dim = tokens.query.shape().dim, value_dim = tokens.value.shape().dim;
  const float* q = tokens.query.data() + view.position * dim;
  const auto vectors = [](const Tensor<float>& fine, const reference::Pyramid<float>& coarse, LevelToken key) {
    return key.level == 0 ? fine.data() + key.token * fine.shape().dim : coarse.level(key.level).head(0).row(key.token);
  };
  for (const reference::KeyRun& run : key_runs(head, view.position)) {
    for (std::int64_t t = run.begin; t < run.end; ++t) {
      const LevelToken key{run.level, t};
      const double weight = key.level > 0 && o.reweight ? static_cast<double>(o.key.count(key.level, t)) : 1;
      view.keys.push_back(
          {key, weight, o.scale * dot(q, vectors(tokens.key, head.key, key), dim) + std::log(weight), 0});
      view.fine_keys += key.level == 0 ? 1 : 0;
    }
  }
  std::ranges::stable_sort(view.keys, {}, [](const ScoredKey& k) { return k.key.level; });
  std::vector<double> probabilities, cells(view.llsa.size());
  for (const ScoredKey& key : view.keys) probabilities.push_back(key.score);
  view.lse = reference::softmax(probabilities);
  for (std::size_t i = 0; i < probabilities.size(); ++i) view.keys[i].probability = probabilities[i];
  output.assign(static_cast<std::size_t>(value_dim), 0);
  for (const ScoredKey& key : view.keys) {
    const float* v = vectors(tokens.value, head.value, key.key);
    for (std::int64_t d = 0; d < value_dim; ++d)
      output[static_cast<std::size_t>(d)] += key.probability * static_cast<double>(v[d]);
    reference::spread(o.key, key.key.level, key.key.token, key.probability, tokens.key_order.to_raster(), cells);
  }
  view.llsa.assign(cells.begin(), cells.end());
}

void attend_densely(QueryView& view, const HeadSelection& head, std::vector<double>& output) {
  const Head& tokens = *head.head;
  const std::int64_t dim = tokens.query.shape().dim, value_dim = tokens.value.shape().dim;
  const std::int64_t keys = tokens.key.shape().tokens;
  const float* q = tokens.query.data() + view.position * dim;
  std::vector<double> probabilities(static_cast<std::size_t>(keys));
  for (std::int64_t j = 0; j < keys; ++j)
    probabilities[static_cast<std::size_t>(j)] = head.options.scale * dot(q, tokens.key.data() + j * dim, dim);
  view.dense_lse = reference::softmax(probabilities);
  output.assign(static_cast<std::size_t>(value_dim), 0);
  for (std::int64_t j = 0; j < keys; ++j) {
    const double p = probabilities[static_cast<std::size_t>(j)];
    view.dense[static_cast<std::size_t>(tokens.key_cell(j))] = static_cast<float>(p);
    const float* v = tokens.value.data() + j * value_dim;
    for (std::int64_t d = 0; d < value_dim; ++d) output[static_cast<std::size_t>(d)] += p * static_cast<double>(v[d]);
  }
}

}  // namespace

std::string_view name_of(WeightKind kind) {
  return kind == WeightKind::llsa ? "llsa" : kind == WeightKind::dense ? "dense" : "difference";
}

WeightKind weight_kind_from(std::string_view name) {
  for (const WeightKind kind : {WeightKind::llsa, WeightKind::dense, WeightKind::difference})
    if (name == name_of(kind)) return kind;
  throw Error(fmt::format("weights are '{}'; they must be llsa, dense or difference", name));
}

std::vector<reference::KeyRun> key_runs(const HeadSelection& head, std::int64_t position) {
  reference::KeyRuns of(head.selection, head.options);
  std::vector<reference::KeyRun> runs, own;
  of.shared(0, position, runs);
  if (head.levels() > 0) of.own(0, head.options.query.ancestor(1, position), own);
  runs.insert(runs.end(), own.begin(), own.end());
  return runs;
}

QueryView view_query(std::shared_ptr<const HeadSelection> head, std::int64_t position) {
  const Head& tokens = *head->head;
  if (position < 0 || position >= tokens.query.shape().tokens)
    throw Error(fmt::format("query is {}; there are {} tokens", position, tokens.query.shape().tokens));
  QueryView view;
  view.position = position;
  for (int level = 1; level <= head->levels(); ++level) view.levels.push_back(view_level(*head, level, position));
  const auto all = static_cast<std::size_t>(tokens.key.shape().tokens);
  view.llsa.assign(all, 0);
  view.dense.assign(all, 0);
  view.difference.resize(all);
  std::vector<double> output, dense;
  attend(view, *head, output);
  attend_densely(view, *head, dense);
  for (std::size_t j = 0; j < all; ++j) {
    view.difference[j] = view.llsa[j] - view.dense[j];
    const float smaller = view.llsa[j] < view.dense[j] ? view.llsa[j] : view.dense[j];
    view.shared_mass += static_cast<double>(smaller);
  }
  for (const ScoredKey& key : view.keys)
    if (key.key.level == 0)
      view.mass_held += static_cast<double>(view.dense[static_cast<std::size_t>(tokens.key_cell(key.key.token))]);
  double gap = 0, norm = 0;
  for (std::size_t d = 0; d < output.size(); ++d) {
    gap += (output[d] - dense[d]) * (output[d] - dense[d]);
    norm += dense[d] * dense[d];
  }
  view.output_error = std::sqrt(gap / norm);
  view.sparsity = 1 - static_cast<double>(view.keys.size()) / static_cast<double>(all);
  view.head = std::move(head);
  return view;
}

bool related(const Hierarchy& hierarchy, LevelToken a, LevelToken b) {
  const TokenRange x = hierarchy.fine(a.level, a.token), y = hierarchy.fine(b.level, b.token);
  return x.begin < y.end && y.begin < x.end;
}

std::vector<std::int64_t> key_cells(const HeadSelection& head, LevelToken token) {
  const TokenRange fine = head.options.key.fine(token.level, token.token);
  const auto& cells = head.head->key_order.to_raster();
  return {cells.begin() + fine.begin, cells.begin() + fine.end};
}

std::vector<std::int64_t> query_cells(const HeadSelection& head, LevelToken token) {
  const TokenRange fine = head.options.query.fine(token.level, token.token);
  const auto& cells = head.head->query_order.to_raster();
  return {cells.begin() + fine.begin, cells.begin() + fine.end};
}

}  // namespace llsa::viewer
