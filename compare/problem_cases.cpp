#include "compare/problem_cases.hpp"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "compare/random.hpp"

namespace llsa::compare {
namespace {

Tensor<double> normal(const Shape& shape, double deviation, std::uint64_t seed) {
  Tensor<double> tensor(shape);
  Random random(seed);
  for (double& x : tensor.flat()) x = static_cast<float>(deviation * random.normal());
  return tensor;
}

/// Standard deviations. With values of 1e15 products of V and dO stay far from overflow only when dO is small.
struct Sizes {
  double query = 1, key = 1, value = 1, output_gradient = 1;
};

Sizes sizes_of(Content content, DType storage) {
  const bool narrow = storage == DType::f16;  // whole numbers up to 65504, and no smaller steps than 6e-8
  if (content == Content::huge) return narrow ? Sizes{1e-2, 1e2, 1e3, 1e-2} : Sizes{1e-12, 1e12, 1e15, 1e-6};
  if (content == Content::tiny) return narrow ? Sizes{1e2, 1e-2, 0.1, 0.1} : Sizes{1e12, 1e-12, 1e-12, 1e-12};
  return {};
}

/// One token of the first head; the other heads must not notice.
void fill_token(Tensor<double>& tensor, std::int64_t token, double value) {
  const auto head = tensor.view().head(0);
  for (std::int64_t d = 0; d < head.dim; ++d) head(token, d) = value;
}

void apply(Content content, std::int64_t block_size, Problem<double>& p) {
  const auto fill = [](Tensor<double>& tensor, double value) {
    std::fill(tensor.flat().begin(), tensor.flat().end(), value);
  };
  const std::int64_t middle = p.key.shape().tokens / 2;
  switch (content) {
    case Content::normal:
    case Content::huge:
    case Content::tiny:
      return;
    case Content::equal_scores:
      fill(p.query, 0.5);
      return fill(p.key, 0.25);
    case Content::repeated_keys:
      for (std::int64_t head = 0; head < p.head_count(); ++head) {
        const auto k = p.key.view().head(head);
        // Small whole numbers, so that means and scores are exact in every precision.
        for (std::int64_t t = 0; t < k.tokens; ++t)
          for (std::int64_t d = 0; d < k.dim; ++d) k(t, d) = std::round(2 * k(t % (3 * block_size), d));
        const auto q = p.query.view().head(head);
        for (std::int64_t t = 0; t < q.tokens; ++t)
          for (std::int64_t d = 0; d < q.dim; ++d) q(t, d) = std::round(q(t, d));
      }
      return;
    case Content::hot_key:
      for (std::int64_t head = 0; head < p.head_count(); ++head) {
        const auto q = p.query.view().head(head);
        for (std::int64_t t = 0; t < q.tokens; ++t) q(t, 0) = 4;
        p.key.view().head(head)(middle, 0) = 40;
      }
      return;
    case Content::constant_value:
      return fill(p.value, 0.75);
    case Content::nan_token:
      fill_token(p.query, 1, std::numeric_limits<double>::quiet_NaN());
      fill_token(p.key, middle, std::numeric_limits<double>::quiet_NaN());
      return fill_token(p.value, middle / 2, std::numeric_limits<double>::quiet_NaN());
    case Content::inf_token:
      // One component: a key that is infinite in all of them scores inf - inf.
      p.key.view().head(0)(middle, 0) = std::numeric_limits<double>::infinity();
      return fill_token(p.value, middle / 2, std::numeric_limits<double>::infinity());
  }
}

/// Collects cases with defaults that most of them share.
class Cases {
 public:
  explicit Cases(std::uint64_t seed) : seed_(seed) {}

  BatteryCase& add(std::string name, std::int64_t tokens, Options options) {
    BatteryCase spec{
        .name = std::move(name), .query = {1, 2, tokens, 8}, .key = {1, 2, tokens, 8}, .options = std::move(options)};
    spec.seed = seed_ + cases.size() * 1000;
    cases.push_back(std::move(spec));
    return cases.back();
  }

  std::vector<BatteryCase> cases;

 private:
  std::uint64_t seed_;
};

void add_sizes(Cases& c, bool quick) {
  const Options small{.block_size = 4, .levels = 2, .top_k = {3, 2}};
  for (const std::int64_t n : {1, 2, 3, 4, 5, 15, 16, 17, 31, 61, 63, 64, 65, 127}) {
    if (quick && n != 1 && n != 16 && n != 17 && n != 61) continue;
    c.add(fmt::format("N = {}, B = 4, L = 2", n), n, small);
  }
  // A size that kernels are tuned for, ragged at every level.
  BatteryCase& tuned = c.add("N = 261, B = 16, D = 32, L = 2", 261, {.levels = 2, .top_k = {3}});
  tuned.query.dim = tuned.key.dim = tuned.value_dim = 32;
  if (quick) return;
  for (const std::int64_t n : {1021, 1024, 1025})
    c.add(fmt::format("N = {}, B = 16, L = 2", n), n, {.levels = 2, .top_k = {8}});
}

void add_options(Cases& c, bool quick) {
  const Options base{.block_size = 4, .levels = 2, .top_k = {3, 2}};
  const auto with = [&](const std::string& name, auto change) -> BatteryCase& {
    Options options = base;
    change(options);
    return c.add(name, 103, options);
  };
  with("disjoint coverage", [](Options& o) { o.coverage = Coverage::disjoint; });
  with("no reweighting", [](Options& o) { o.reweight = false; });
  with("dense (L = 0)", [](Options& o) {
    o.levels = 0;
    o.top_k = {8};
  });
  if (quick) return;
  with("disjoint, one of two levels enriched", [](Options& o) {
    o.coverage = Coverage::disjoint;
    o.enrichment_levels = 1;
  });
  with("no enrichment", [](Options& o) { o.enrichment_levels = 0; });
  with("one of two levels enriched", [](Options& o) { o.enrichment_levels = 1; });
  with("L = 1", [](Options& o) {
    o.levels = 1;
    o.top_k = {5};
  });
  with("L = 3", [](Options& o) {
    o.levels = 3;
    o.top_k = {3, 2, 1};
  });
  with("more levels than the tokens need (L = 6)", [](Options& o) {
    o.levels = 6;
    o.top_k = {2};
  });
  with("K above every number of candidates", [](Options& o) { o.top_k = {1000}; });
  with("B = 3", [](Options& o) { o.block_size = 3; });
  with("B above N", [](Options& o) {
    o.block_size = 200;
    o.levels = 1;
    o.top_k = {1};
  });
  with("scale = -0.7", [](Options& o) { o.scale = -0.7; });
  with("scale = 0", [](Options& o) { o.scale = 0; });
  with("Nq < Nk", [](Options&) {}).query.tokens = 37;
  with("Nq > Nk", [](Options&) {}).key.tokens = 37;
  with("Dv > D", [](Options&) {}).value_dim = 13;
  with("D = 1, Dv = 1", [](Options&) {}).value_dim = 1;
  c.cases.back().query.dim = c.cases.back().key.dim = 1;
  with("no gradient of LSE", [](Options&) {}).lse_gradient = false;
  BatteryCase& batch = with("batch 2, heads 3", [](Options&) {});
  batch.query.batch = batch.key.batch = 2;
  batch.query.heads = batch.key.heads = 3;
  BatteryCase& shared = with("6 query heads share 2 key heads, batch 2", [](Options&) {});
  shared.query.batch = shared.key.batch = 2;
  shared.query.heads = 6;
  shared.key.heads = 2;
}

void add_contents(Cases& c, bool quick) {
  const Options base{.block_size = 4, .levels = 2, .top_k = {3, 2}};
  for (const double spread : {4.0, 16.0}) c.add(fmt::format("scores spread {}", spread), 257, base).spread = spread;
  const auto with = [&](const std::string& name, Content content) { c.add(name, 107, base).content = content; };
  with("equal scores everywhere", Content::equal_scores);
  with("NaN in one query, key and value token", Content::nan_token);
  c.cases.back().options.enrichment_levels = 1;  // the coarsest level would spread it to every query
  if (quick) return;
  with("blocks of keys repeat (exact ties)", Content::repeated_keys);
  with("one hot key", Content::hot_key);
  with("huge values", Content::huge);
  with("tiny values", Content::tiny);
  with("constant V", Content::constant_value);
  with("infinity in one value token and one key", Content::inf_token);
  c.cases.back().options.enrichment_levels = 1;
}

void add_large(Cases& c, bool quick) {
  if (quick) return;
  for (const std::int64_t n : {4096, 16384, 16411}) {
    BatteryCase& spec = c.add(fmt::format("N = {}, D = 64, L auto", n), n, {});
    spec.query.dim = spec.key.dim = spec.value_dim = 64;
  }
  BatteryCase& spec = c.add("N = 65536, D = 64, disjoint", 65536, {.coverage = Coverage::disjoint});
  spec.query = spec.key = {1, 1, 65536, 64};
  spec.value_dim = 64;
  spec.spread = 4;
}

}  // namespace

Problem<double> make_problem(const BatteryCase& spec, DType storage) {
  const Sizes size = sizes_of(spec.content, storage);
  Problem<double> p;
  p.options = spec.options;
  p.query = normal(spec.query, spec.spread * size.query, spec.seed + 1);
  p.key = normal(spec.key, size.key, spec.seed + 2);
  p.value = normal({spec.key.batch, spec.key.heads, spec.key.tokens, spec.value_dim}, size.value, spec.seed + 3);
  p.output_gradient = normal({spec.query.batch, spec.query.heads, spec.query.tokens, spec.value_dim},
                             size.output_gradient, spec.seed + 4);
  if (spec.lse_gradient)
    p.lse_gradient = normal({spec.query.batch, spec.query.heads, spec.query.tokens, 1},
                            size.value * size.output_gradient, spec.seed + 5);
  apply(spec.content, spec.options.block_size, p);
  return p;
}

void add_random_gradients(Problem<double>& p, std::uint64_t seed) {
  const Shape& q = p.query.shape();
  if (!p.has_gradient()) p.output_gradient = normal({q.batch, q.heads, q.tokens, p.value.shape().dim}, 1, seed + 4);
  if (!p.has_lse_gradient()) p.lse_gradient = normal({q.batch, q.heads, q.tokens, 1}, 1, seed + 5);
}

std::vector<BatteryCase> battery_cases(std::uint64_t seed, bool quick) {
  Cases cases(seed);
  add_sizes(cases, quick);
  add_options(cases, quick);
  add_contents(cases, quick);
  add_large(cases, quick);
  return std::move(cases.cases);
}

}  // namespace llsa::compare
