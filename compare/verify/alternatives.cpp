#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "compare/verify/definition.hpp"

namespace llsa::compare::verify {
namespace {

/// Collects alternatives as changes to the specification's own definition.
class Table {
 public:
  explicit Table(const ResolvedOptions& options) : base_(specification(options)) {}

  template <class Change>
  void add(std::string name, Change change, bool changes_selection = false) {
    Definition definition = base_;
    definition.name = std::move(name);
    definition.changes_selection = changes_selection;
    change(definition);
    definitions.push_back(std::move(definition));
  }
  template <class Change>
  void add_selection(std::string name, Change change) {
    add(std::move(name), change, true);
  }

  std::vector<Definition> definitions;

 private:
  Definition base_;
};

void add_key_sets(Table& table, const ResolvedOptions& o) {
  const int enriched = o.enrichment_levels;
  if (enriched == 0) {
    if (o.levels > 0)
      table.add("the coarse keys of all levels are attended to although none is asked for",
                [](Definition& d) { d.options.enrichment_levels = d.options.levels; });
    return;
  }
  table.add(o.reweight ? "no reweighting: coarse keys weigh 1" : "coarse keys are reweighted although this is off",
            [](Definition& d) { d.options.reweight = !d.options.reweight; });
  const bool overlapping = o.coverage == Coverage::overlapping;
  table.add(overlapping ? "disjoint coverage: refined coarse keys are dropped"
                        : "overlapping coverage: refined coarse keys are counted too",
            [=](Definition& d) { d.options.coverage = overlapping ? Coverage::disjoint : Coverage::overlapping; });
  for (int l = 1; l <= enriched; ++l)
    table.add(fmt::format("enriched level {} is dropped", l), [l](Definition& d) { d.keys.dropped_level = l; });
  if (enriched > 1) table.add("no enriched level is used", [](Definition& d) { d.options.enrichment_levels = 0; });
  if (enriched < o.levels)
    table.add(fmt::format("level {} is enriched too", enriched + 1),
              [](Definition& d) { ++d.options.enrichment_levels; });
  table.add("the fine keys are dropped", [](Definition& d) { d.keys.dropped_level = 0; });
  table.add("enriched levels hold the selected tokens, not the candidates",
            [](Definition& d) { d.keys.selected_as_coarse = true; });
  if (enriched < o.levels || enriched > 1)
    table.add("enriched levels hold all their tokens, not only the candidates",
              [](Definition& d) { d.keys.every_coarse = true; });
}

void add_weights(Table& table, const ResolvedOptions& o) {
  if (o.enrichment_levels > 0 && o.reweight) {
    table.add("wrong count at the ragged tail: the last coarse key weighs a full block",
              [](Definition& d) { d.keys.weight = Weight::full_span; });
    if (o.enrichment_levels > 1)
      table.add("every coarse key weighs B, whatever its level",
                [](Definition& d) { d.keys.weight = Weight::block_size; });
    table.add("the weight is applied twice", [](Definition& d) { d.keys.weight = Weight::squared_count; });
  }
  if (o.levels > 0) {
    table.add("the ragged tail is pooled as if padded with zeros (divided by the full block)",
              [](Definition& d) { d.pooling = Pooling::zero_padded; });
    table.add("a ragged parent is the plain mean of its children, not weighted by their counts",
              [](Definition& d) { d.pooling = Pooling::mean_of_children; });
    table.add("coarse tokens are sums, not means", [](Definition& d) { d.pooling = Pooling::sum; });
  }
}

void add_scales(Table& table, const ResolvedOptions& o, std::int64_t head_dim) {
  const double dim = static_cast<double>(head_dim);
  std::vector<double> tried{o.scale};
  const auto add = [&](const std::string& name, double scale) {
    for (const double other : tried)
      if (std::abs(scale - other) <= 1e-9 * std::abs(other)) return;
    tried.push_back(scale);
    table.add(name, [scale](Definition& d) { d.options.scale = scale; });
  };
  add("the scale is missing", 1.0);
  add("the scale is 1/sqrt(D), not the one given", 1 / std::sqrt(dim));
  add("the scale is applied twice", o.scale * o.scale);
  add("the scale is 1/D", 1 / dim);
  add("scores are multiplied by sqrt(D) instead of divided", std::sqrt(dim));
  add("scores have the wrong sign", -o.scale);
  table.add("2^s is used where e^s is meant (log2(e) is missing)", [](Definition& d) { d.keys.base_two = true; });
  if (o.enrichment_levels > 0 && o.reweight)
    table.add("2^s is used where e^s is meant, except for the weights",
              [](Definition& d) { d.options.scale *= std::log(2.0); });
}

void add_top_k(Table& table, const ResolvedOptions& o) {
  std::set<std::vector<std::int64_t>> tried{o.top_k};
  const auto add = [&](const std::string& name, auto change) {
    std::vector<std::int64_t> top_k = o.top_k;
    for (std::int64_t& k : top_k) k = std::max<std::int64_t>(1, change(k));
    if (tried.insert(top_k).second) table.add_selection(name, [=](Definition& d) { d.options.top_k = top_k; });
  };
  add("fewer selected blocks: top_k - 1", [](std::int64_t k) { return k - 1; });
  add("fewer selected blocks: top_k / 2", [](std::int64_t k) { return k / 2; });
  add("fewer selected blocks: top_k - 2", [](std::int64_t k) { return k - 2; });
  add("fewer selected blocks: top_k / 4", [](std::int64_t k) { return k / 4; });
  add("fewer selected blocks: only the best one", [](std::int64_t) { return 1; });
  add("more selected blocks: top_k + 1", [](std::int64_t k) { return k + 1; });
  add("more selected blocks: 2 top_k", [](std::int64_t k) { return 2 * k; });
  if (o.levels < 2) return;
  for (int l = 1; l <= o.levels; ++l)
    if (o.k(l) > 1)
      table.add_selection(fmt::format("fewer selected blocks: top_k - 1 at level {}", l),
                          [l](Definition& d) { --d.options.top_k[static_cast<std::size_t>(l) - 1]; });
  std::vector<std::int64_t> reversed(o.top_k.rbegin(), o.top_k.rend());
  if (reversed != o.top_k)
    table.add_selection("top_k is read with the coarsest level first",
                        [=](Definition& d) { d.options.top_k = reversed; });
}

/// The same problem with another number of levels; top_k and enrichment follow as options would resolve them.
void set_levels(Definition& d, int levels) {
  const bool all = d.options.enrichment_levels == d.options.levels;
  d.options.top_k.resize(static_cast<std::size_t>(levels), d.options.top_k.back());
  d.options.enrichment_levels = all ? levels : std::min(d.options.enrichment_levels, levels);
  d.options.levels = levels;
  d.options.query = Hierarchy(d.options.query.tokens(), d.options.block_size, levels);
  d.options.key = Hierarchy(d.options.key.tokens(), d.options.block_size, levels);
}

void add_selections(Table& table, const ResolvedOptions& o) {
  const auto add = [&](const std::string& name, auto field, auto value) {
    table.add_selection(name, [=](Definition& d) { d.selection.*field = value; });
  };
  add("ties go to the higher index", &SelectionRule::ties_to_higher, true);
  if (o.levels > 1) {
    add("selection off by a level: scored with the query tokens of the level above", &SelectionRule::parent_query,
        true);
    add("selection off by a level: scored with the key tokens of the level above", &SelectionRule::parent_key, true);
    table.add_selection("selection off by a level: scored with the query and key tokens of the level above",
                        [](Definition& d) { d.selection.parent_query = d.selection.parent_key = true; });
    add("selection is not hierarchical: every token of a level is a candidate", &SelectionRule::flat, true);
  }
  add("selection off by a level: lists are looked up with the token number of the level above",
      &SelectionRule::parent_row, true);
  add("selection off by one: the lists of the next query block", &SelectionRule::block_shift, 1);
  add("selection off by one: the lists of the previous query block", &SelectionRule::block_shift, -1);
  add("the query's own block is always selected", &SelectionRule::own_block, true);
  add("the lowest scores are selected", &SelectionRule::lowest_scores, true);
  if (o.levels > 1)
    table.add_selection("selection off by a level: one level fewer (levels - 1)",
                        [](Definition& d) { set_levels(d, d.options.levels - 1); });
  if (o.levels < max_levels)
    table.add_selection("selection off by a level: one level more (levels + 1)",
                        [](Definition& d) { set_levels(d, d.options.levels + 1); });
}

}  // namespace

Definition specification(const ResolvedOptions& options) {
  Definition definition;
  definition.options = options;
  return definition;
}

std::vector<Definition> alternative_definitions(const ResolvedOptions& options, std::int64_t head_dim) {
  Table table(options);
  add_key_sets(table, options);
  add_scales(table, options, head_dim);
  add_weights(table, options);
  if (options.levels > 0) {
    add_top_k(table, options);
    add_selections(table, options);
    // A dense kernel: cheap to name and often what a fallback path computes.
    table.add_selection("dense attention over all keys", [](Definition& d) { set_levels(d, 0); });
  }
  table.add("keys behind the end of a ragged last block are read as zeros, each weighing exp(0)",
            [](Definition& d) { d.keys.zero_tail = true; });
  table.add("the last query block to write a key's gradient wins, it is not added to",
            [](Definition& d) { d.last_writer_wins = true; });
  return std::move(table.definitions);
}

}  // namespace llsa::compare::verify
