#include "compare/verify/measures.hpp"

#include <algorithm>
#include <cmath>

#include "compare/storage.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

constexpr std::int64_t most_tokens = 1024, most_heads = 8;

Tensor<double> beginning(const Tensor<double>& tensor, std::int64_t heads) {
  if (tensor.flat().empty()) return {};
  const Shape& s = tensor.shape();
  Tensor<double> result({1, heads, std::min(s.tokens, most_tokens), s.dim});
  for (std::int64_t head = 0; head < result.shape().heads; ++head)
    std::copy_n(tensor.view().head(head).data, result.shape().tokens * s.dim, result.view().head(head).data);
  return result;
}

/// Rounding is the same everywhere, and dense attention is quadratic: a part says enough.
Problem<double> beginning(const Problem<double>& p) {
  const std::int64_t shared = p.resolved().group;
  const std::int64_t of_keys = std::clamp<std::int64_t>(most_heads / shared, 1, p.key.shape().heads);
  const std::int64_t of_queries = of_keys * shared;
  return {beginning(p.query, of_queries),        beginning(p.key, of_keys),
          beginning(p.value, of_keys),           beginning(p.output_gradient, of_queries),
          beginning(p.lse_gradient, of_queries), p.options};
}

}  // namespace

DType coarser(DType a, DType b) { return tolerance_of(a).relative_l2 >= tolerance_of(b).relative_l2 ? a : b; }

const Allowances& Measures::allowances(DType type) {
  if (const auto known = known_.find(type); known != known_.end()) return known->second;
  if (type == DType::f32 || type == DType::f64)
    return known_[type] = table_allowances(problem_, type, Strictness::product);
  const PerResult<Comparison> dense = with_storage(type, [&]<class T>(std::type_identity<T>) {
    reference::ReferenceAttention<T> attention(threads_);
    return dense_errors<T>(attention, as_stored<T>(beginning(problem_)), false, threads_);
  });
  Allowances allowed = derived_allowances(problem_, type, dense);
  Problem<double> no_coarse_keys = problem_;
  no_coarse_keys.options.enrichment_levels = 0;
  const Allowances without = derived_allowances(no_coarse_keys, type, dense);
  // The rounding of D components of a coarse key adds up to its bound in no more than single elements.
  const double share = 1 / std::sqrt(static_cast<double>(problem_.query.shape().dim));
  const auto spread = [share](Tolerance& t, const Tolerance& least) {
    t.relative_l2 = least.relative_l2 + share * (t.relative_l2 - least.relative_l2);
    t.cosine = std::max(least.cosine, t.relative_l2 * t.relative_l2);
  };
  spread(allowed.output, without.output);
  spread(allowed.lse, without.lse);
  spread(allowed.query_gradient, without.query_gradient);
  spread(allowed.key_gradient, without.key_gradient);
  spread(allowed.value_gradient, without.value_gradient);
  return known_[type] = allowed;
}

Tolerance Measures::tolerance(const std::string& name, DType type) {
  Tolerance found{};
  allowances(type).for_each([&](const char* of, const Tolerance& tolerance) {
    if (name == of) found = tolerance;
  });
  return found;
}

double Measures::floor(const std::string& name) const {
  if (name == "o") return magnitudes_.output;
  if (name == "lse") return magnitudes_.lse;
  if (name == "dq") return magnitudes_.query_gradient;
  return name == "dk" ? magnitudes_.key_gradient : magnitudes_.value_gradient;
}

Measure Measures::of(const std::string& name) {
  const DType stored = theirs_.find(name)->stored;
  DType type = expected_ ? coarser(*expected_, stored) : stored;
  // Kernels keep the LSE in f32 beside outputs in a half type; it is no better than what these are made of.
  if (const TheirTensor* output = theirs_.find("o"); name == "lse" && output != nullptr)
    type = coarser(type, output->stored);
  Measure m{.type = type, .how = {}, .tolerance = tolerance(name, type)};
  m.how = {.storage = stored,
           .floor = floor(name),
           .resolution = tolerance_of(stored).resolution,
           .absolute = name == "lse",
           .rows = {}};
  return m;
}

}  // namespace llsa::compare::verify
