#include "support/case.hpp"

#include <algorithm>
#include <ostream>

namespace llsa::testing {
namespace {

std::int64_t number(std::int64_t from, std::int64_t to) { return *rc::gen::inRange<std::int64_t>(from, to + 1); }

bool one_in(int n) { return *rc::gen::inRange(0, n) == n - 1; }

/// Mostly next to a multiple of a power of the block size, where the arithmetic changes.
std::int64_t token_count(std::int64_t block_size, std::int64_t most) {
  const auto kind = *rc::gen::weightedElement<int>({{2, 0}, {4, 1}, {1, 2}});
  if (kind == 1) {
    std::int64_t span = block_size;
    while (span * block_size <= most && one_in(2)) span *= block_size;
    return std::clamp<std::int64_t>(number(1, std::max<std::int64_t>(1, most / span)) * span + number(-1, 1), 1, most);
  }
  if (kind == 2) return std::min(most, *rc::gen::element<std::int64_t>(13, 31, 61, 97, 127, 151, 211, 257, 293));
  return number(1, most);
}

Options some_options() {
  Options options;
  options.block_size = *rc::gen::weightedElement<std::int64_t>(
      {{4, 2}, {3, 3}, {4, 4}, {2, 5}, {1, 7}, {2, 8}, {1, 11}, {3, 16}, {1, 17}, {2, 32}});
  options.levels = one_in(16) ? std::nullopt
                              : std::optional(*rc::gen::weightedElement<int>({{1, 0}, {4, 1}, {5, 2}, {3, 3}, {1, 4}}));
  const auto some_k = [] { return one_in(8) ? number(7, 40) : number(1, 6); };
  options.top_k = {some_k()};
  if (options.levels.value_or(0) > 0 && one_in(2)) {
    options.top_k.clear();
    for (int l = 0; l < *options.levels; ++l) options.top_k.push_back(some_k());
  }
  if (options.levels && one_in(2)) options.enrichment_levels = static_cast<int>(number(0, *options.levels));
  options.reweight = !one_in(3);
  options.coverage = one_in(2) ? Coverage::disjoint : Coverage::overlapping;
  if (one_in(4)) options.scale = static_cast<double>(number(-4, 8)) / 4.0;
  return options;
}

const char* name_of(Values values) {
  switch (values) {
    case Values::normal:
      return "normal";
    case Values::integers:
      return "integers";
    case Values::constant:
      return "constant";
    case Values::hot_key:
      return "hot_key";
  }
  return "?";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << "Q [" << c.batch << ", " << c.heads << ", " << c.query_tokens << ", " << c.dim << "], Hk " << c.heads / c.group
      << ", Nk " << c.key_tokens << ", Dv " << c.value_dim << ", block_size " << c.options.block_size << ", levels ";
  if (c.options.levels)
    out << *c.options.levels;
  else
    out << "auto";
  out << ", top_k {";
  for (std::size_t i = 0; i < c.options.top_k.size(); ++i) out << (i ? ", " : "") << c.options.top_k[i];
  out << "}, enrichment_levels ";
  if (c.options.enrichment_levels)
    out << *c.options.enrichment_levels;
  else
    out << "all";
  out << (c.options.reweight ? "" : ", no reweighting") << ", " << name_of(c.options.coverage);
  if (c.options.scale) out << ", scale " << *c.options.scale;
  return out << ", " << name_of(c.values) << " x " << c.magnitude << ", seed " << c.seed << ", layouts "
             << name_of(c.query_layout) << " " << name_of(c.key_layout) << " " << name_of(c.value_layout) << " -> "
             << name_of(c.output_layout);
}

rc::Gen<Case> cases(const Limits& limits) {
  return rc::gen::exec([limits] {
    Case c;
    c.options = some_options();
    c.key_tokens = token_count(c.options.block_size, limits.tokens);
    c.query_tokens = one_in(2) ? c.key_tokens : token_count(c.options.block_size, limits.tokens);
    c.batch = one_in(3) ? number(1, limits.batch) : 1;
    c.heads = number(1, limits.heads);
    c.dim = number(1, limits.dim);
    c.value_dim = one_in(2) ? c.dim : number(1, limits.dim);
    c.values = *rc::gen::weightedElement<Values>(
        {{6, Values::normal}, {3, Values::integers}, {1, Values::constant}, {1, Values::hot_key}});
    c.magnitude = *rc::gen::weightedElement<double>({{6, 1.0}, {2, 4.0}, {1, 16.0}, {1, 0.015625}});
    c.seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
    const auto any_layout = rc::gen::weightedElement<Layout>({{6, Layout::contiguous},
                                                              {2, Layout::padded},
                                                              {2, Layout::heads_inside},
                                                              {1, Layout::dim_major},
                                                              {1, Layout::spread},
                                                              {1, Layout::reversed},
                                                              {1, Layout::broadcast_heads},
                                                              {1, Layout::broadcast_batch}});
    c.query_layout = *any_layout;
    c.key_layout = *any_layout;
    c.value_layout = *any_layout;
    c.output_layout = *rc::gen::elementOf(std::vector<Layout>(std::begin(output_layouts), std::end(output_layouts)));
    return c;
  });
}

Case well_conditioned(Case c) {
  if (c.values == Values::hot_key) c.values = Values::normal;
  c.magnitude = std::min(c.magnitude, 1.0);
  c.options.scale = std::nullopt;
  c.query_tokens = std::max<std::int64_t>(c.query_tokens, 32);
  c.key_tokens = std::max<std::int64_t>(c.key_tokens, 32);
  c.dim = std::max<std::int64_t>(c.dim, 8);
  c.value_dim = std::max<std::int64_t>(c.value_dim, 8);
  return c;
}

void classify(const Case& c) {
  const ResolvedOptions r = c.resolved();
  RC_TAG(r.levels, r.coverage == Coverage::disjoint ? "disjoint" : "overlapping");
  RC_CLASSIFY(r.levels > 0 && c.key_tokens % r.key.span(r.levels) != 0, "ragged tail");
  RC_CLASSIFY(c.query_tokens != c.key_tokens, "cross attention");
  RC_CLASSIFY(r.enrichment_levels < r.levels, "some levels not enriched");
  RC_CLASSIFY(c.values != Values::normal, "ties or a hot key");
  RC_CLASSIFY(c.batch > 1, "batch");
}

}  // namespace llsa::testing
