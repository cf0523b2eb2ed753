#include "compare/approximate/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compare/key_count.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::approximate {
namespace {

class Runner {
 public:
  Runner(Judge& judge, const Sweep& sweep, const std::function<void(const std::string&)>& progress)
      : judge_(judge),
        sweep_(values_for(sweep, judge.input())),
        every_level_enriched_(sweep.enrichment_levels.empty()),
        progress_(progress) {}

  std::vector<Section> sections() {
    if (sweep_.all_combinations) return {all_combinations()};
    std::vector<Section> result = {methods(), block_sizes(), levels(), enrichment(), coverages(), orders()};
    std::erase_if(result, [](const Section& section) { return section.rows.empty(); });
    return result;
  }

 private:
  Configuration llsa() const {
    Options options{.block_size = sweep_.block_sizes.front(),
                    .levels = sweep_.levels.front(),
                    .top_k = {sweep_.top_k.front()},
                    .enrichment_levels = enrichment_for(sweep_.levels.front()),
                    .coverage = sweep_.coverages.front()};
    return {.how = {.method = "llsa", .options = std::move(options), .order = sweep_.orders.front()}};
  }
  /// The first that the levels allow; all when none does.
  std::optional<int> enrichment_for(int levels) const {
    for (const int each : sweep_.enrichment_levels)
      if (each <= levels) return each == sweep_.levels.front() ? std::nullopt : std::optional(each);
    return std::nullopt;
  }

  Measurement measure(const Configuration& configuration) {
    progress_(fmt::format("{}: {}, K = {}", judge_.input().name, label_of(configuration),
                          configuration.how.options.top_k.front()));
    return judge_.measure(configuration);
  }

  /// A single-level method that touches as many keys as `like` does.
  Measurement matched(const std::string& method, const Measurement& like, double gate = 1) {
    const Shape query = judge_.input().query.shape(), key = judge_.input().key.shape();
    Configuration c{.how = {.method = method, .options = like.configuration.how.options, .order = like.order},
                    .gate = gate};
    c.how.options.coverage = Coverage::overlapping;
    c.how.options.top_k = {1};
    const ResolvedOptions one =
        resolve(method_options(method, c.how.options), query, key, judge_.input().value.shape());
    c.how.options.top_k = {matching_top_k(like.keys_per_query, key_count(one).coarse, one.block_size, key.tokens)};
    return measure(c);
  }

  Section methods() {
    Section section{.name = "Methods at equal numbers of keys, over K"};
    section.note =
        "K is LLSA's; single-level methods get the K that touches as many keys. VSA's pooled tokens and SLA's linear "
        "branch come on top (\"other keys\"). SLA's projection is learned and starts at zero, where SLA is top-K. "
        "VSA's "
        "gates are learned and start at 1, where the sum of its two branches is about twice an average; gates of 1/2 "
        "make it one.";
    for (const std::int64_t k : sweep_.top_k) {
      Configuration c = llsa();
      c.how.options.top_k = {k};
      const Measurement own = measure(c);
      section.rows.push_back(own);
      for (const Coverage other : sweep_.coverages)
        if (c.how.options.coverage != other) {
          Configuration covered = c;
          covered.how.options.coverage = other;
          section.rows.push_back(measure(covered));
        }
      for (const char* method : {"topk", "topk+enrichment", "topk+enrichment+reweighting", "vsa", "sla"})
        section.rows.push_back(matched(method, own));
      section.rows.push_back(matched("vsa", own, 0.5));
    }
    return section;
  }

  /// LLSA and top-K attention at one product of B and K.
  Section block_sizes() {
    Section section{.name = "Block size, at one product of B and K"};
    if (sweep_.block_sizes.size() < 2) return section;
    for (const std::int64_t block : sweep_.block_sizes) {
      Configuration c = llsa();
      const std::int64_t product = c.how.options.block_size * c.how.options.top_k.front();
      c.how.options.block_size = block;
      c.how.options.top_k = {std::max<std::int64_t>(product / block, 1)};
      section.rows.push_back(measure(c));
      c.how.method = "topk";
      section.rows.push_back(measure(c));
    }
    return section;
  }

  Section levels() {
    Section section{.name = "Levels"};
    if (sweep_.levels.size() < 2) return section;
    for (const int levels : sweep_.levels) {
      Configuration c = llsa();
      c.how.options.levels = levels;
      c.how.options.enrichment_levels = {};
      section.rows.push_back(measure(c));
    }
    return section;
  }

  Section enrichment() {
    Section section{.name = "Enrichment levels and reweighting"};
    for (const int enriched : sweep_.enrichment_levels) {
      if (enriched > sweep_.levels.front()) continue;
      for (const bool reweight : {true, false}) {
        if (enriched == 0 && !reweight) continue;  // no coarse key to weigh
        Configuration c = llsa();
        c.how.options.enrichment_levels = enriched;
        c.how.options.reweight = reweight;
        section.rows.push_back(measure(c));
      }
    }
    return section;
  }

  Section coverages() {
    Section section{.name = "Coverage"};
    if (sweep_.coverages.size() < 2) return section;
    for (const std::int64_t k : sweep_.top_k)
      for (const Coverage coverage : sweep_.coverages) {
        Configuration c = llsa();
        c.how.options.top_k = {k};
        c.how.options.coverage = coverage;
        section.rows.push_back(measure(c));
      }
    return section;
  }

  Section orders() {
    Section section{.name = "Token order"};
    if (!judge_.input().grid) {
      section.note = "Not compared: the input does not say its grid and token order.";
      section.rows.push_back(measure(llsa()));
      return section;
    }
    if (sweep_.orders.size() < 2) return section;
    for (const std::string& order : sweep_.orders) {
      Configuration c = llsa();
      c.how.order = order;
      section.rows.push_back(measure(c));
    }
    return section;
  }

  Section all_combinations() {
    Section section{.name = "Every combination"};
    for (const std::int64_t block : sweep_.block_sizes)
      for (const int levels : sweep_.levels)
        for (const std::int64_t k : sweep_.top_k)
          for (const int enriched : every_level_enriched_ ? std::vector{levels} : sweep_.enrichment_levels)
            for (const Coverage coverage : sweep_.coverages)
              for (const std::string& order : sweep_.orders) {
                if (enriched > levels) continue;
                Options options{.block_size = block,
                                .levels = levels,
                                .top_k = {k},
                                .enrichment_levels = enriched,
                                .coverage = coverage};
                section.rows.push_back(measure({.how = {.options = std::move(options), .order = order}}));
              }
    return section;
  }

  Judge& judge_;
  Sweep sweep_;
  bool every_level_enriched_;  ///< of every combination: no other Le was asked for
  const std::function<void(const std::string&)>& progress_;
};

}  // namespace

void validate(const Sweep& sweep) {
  const auto require = [](bool right, const char* list, auto value, const std::string& allowed) {
    if (!right) throw Error(fmt::format("{} holds {}; it must be {}", list, value, allowed));
  };
  if (sweep.top_k.empty() || sweep.coverages.empty()) throw Error("top-k and coverage need at least one value each");
  for (const std::int64_t k : sweep.top_k) require(k >= 1, "top-k", k, "at least 1");
  for (const std::int64_t b : sweep.block_sizes) require(b >= 2, "block-size", b, "at least 2");
  const std::string range = fmt::format("0 to {}", max_levels);
  for (const int l : sweep.levels) require(l >= 0 && l <= max_levels, "levels", l, range);
  for (const int l : sweep.enrichment_levels) require(l >= 0 && l <= max_levels, "enrichment-levels", l, range);
  for (const std::string& order : sweep.orders) token_order(order, {1, 1, 1});
}

Sweep values_for(const Sweep& sweep, const Input& input) {
  Sweep result = sweep;
  const std::int64_t tokens = input.key.shape().tokens;
  if (result.block_sizes.empty()) {
    const std::int64_t b = automatic_levels(tokens, 16) >= 1 ? 16 : 4;
    result.block_sizes = {b, b / 2, 2 * b, 4 * b};
  }
  if (result.levels.empty()) {
    const int automatic = std::max(automatic_levels(tokens, result.block_sizes.front()), 1);
    result.levels = {automatic};
    for (int l = 1; l <= automatic + 1; ++l)
      if (l != automatic) result.levels.push_back(l);
  }
  if (result.enrichment_levels.empty()) {
    for (int l = result.levels.front(); l >= 0; --l) result.enrichment_levels.push_back(l);
  }
  if (!input.grid) {
    result.orders = {input.order};
  } else if (result.orders.empty()) {
    result.orders = {input.order};
    for (const char* order : {"morton", "hilbert", "raster"})
      if (order != input.order) result.orders.push_back(order);
  }
  return result;
}

std::vector<Section> run_sweep(Judge& judge, const Sweep& sweep,
                               const std::function<void(const std::string&)>& progress) {
  validate(sweep);
  return Runner(judge, sweep, progress).sections();
}

std::string label_of(const Configuration& c) {
  if (c.how.method == "vsa" && c.gate != 1) return fmt::format("vsa, gates {:g}", c.gate);
  return c.how.method == "llsa" && c.how.options.coverage == Coverage::disjoint ? "llsa, disjoint" : c.how.method;
}

}  // namespace llsa::compare::approximate
