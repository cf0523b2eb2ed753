#include "llsa/options.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "llsa/error.hpp"

namespace llsa {
namespace {

void check_positive(const char* name, const Shape& s) {
  if (s.batch < 1 || s.heads < 1 || s.tokens < 1 || s.dim < 1)
    throw Error(std::string(name) + " has shape " + text_of(s) + "; every extent must be at least 1");
  if (s.tokens > std::numeric_limits<std::int32_t>::max())
    throw Error(std::string(name) + " has " + std::to_string(s.tokens) + " tokens; at most 2147483647 are allowed");
}

void check_shapes(const Shape& query, const Shape& key, const Shape& value) {
  check_positive("query", query);
  check_positive("key", key);
  check_positive("value", value);
  if (key.batch != query.batch || key.dim != query.dim)
    throw Error("key has shape " + text_of(key) + " and query " + text_of(query) + "; batch and dim must be equal");
  if (query.heads % key.heads != 0)
    throw Error("key has " + std::to_string(key.heads) + " heads and query " + std::to_string(query.heads) +
                "; the heads of key and value must divide those of query");
  if (value.batch != key.batch || value.heads != key.heads || value.tokens != key.tokens)
    throw Error("value has shape " + text_of(value) + " and key " + text_of(key) +
                "; batch, heads and tokens must be equal");
}

std::vector<std::int64_t> resolve_top_k(const std::vector<std::int64_t>& top_k, int levels, bool automatic) {
  for (std::size_t i = 0; i < top_k.size(); ++i)
    if (top_k[i] < 1)
      throw Error("top_k for level " + std::to_string(i + 1) + " is " + std::to_string(top_k[i]) +
                  "; it must be at least 1");
  const auto count = static_cast<std::size_t>(levels);
  if (top_k.size() == 1) return std::vector<std::int64_t>(count, top_k.front());
  if (levels > 0 && top_k.size() != count)
    throw Error("top_k has " + std::to_string(top_k.size()) + " numbers for " + std::to_string(levels) + " levels" +
                (automatic ? ", which is what automatic levels became" : "") +
                "; give one number, or one for each level with level 1 first");
  return levels == 0 ? std::vector<std::int64_t>{} : top_k;
}

}  // namespace

std::string_view name_of(Coverage coverage) { return coverage == Coverage::overlapping ? "overlapping" : "disjoint"; }

Coverage coverage_from(std::string_view name) {
  if (name == "overlapping") return Coverage::overlapping;
  if (name == "disjoint") return Coverage::disjoint;
  throw Error("coverage is '" + std::string(name) + "'; it must be overlapping or disjoint");
}

ResolvedOptions resolve(const Options& options, const Shape& query, const Shape& key, const Shape& value) {
  check_shapes(query, key, value);
  if (options.block_size < 2)
    throw Error("block_size is " + std::to_string(options.block_size) + "; it must be at least 2");
  ResolvedOptions r;
  r.block_size = options.block_size;
  r.levels = options.levels.value_or(automatic_levels(key.tokens, options.block_size));
  if (r.levels < 0 || r.levels > max_levels)
    throw Error("levels is " + std::to_string(r.levels) + "; it must be 0 to " + std::to_string(max_levels));
  r.top_k = resolve_top_k(options.top_k, r.levels, !options.levels);
  r.enrichment_levels = options.enrichment_levels.value_or(r.levels);
  if (r.enrichment_levels < 0 || r.enrichment_levels > r.levels)
    throw Error("enrichment_levels is " + std::to_string(r.enrichment_levels) + "; it must be 0 to levels, here " +
                std::to_string(r.levels));
  r.scale = options.scale.value_or(1.0 / std::sqrt(static_cast<double>(query.dim)));
  if (!std::isfinite(r.scale)) throw Error("scale is " + std::to_string(r.scale) + "; it must be finite");
  r.reweight = options.reweight;
  r.coverage = options.coverage;
  r.query = Hierarchy(query.tokens, r.block_size, r.levels);
  r.key = Hierarchy(key.tokens, r.block_size, r.levels);
  r.group = query.heads / key.heads;
  return r;
}

}  // namespace llsa
