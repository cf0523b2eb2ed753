#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "llsa/hierarchy.hpp"
#include "llsa/tensor.hpp"

namespace llsa {

/// What happens to a coarse key that the query refined: counted at every level (`overlapping`, the paper's, spec
/// section 4), or dropped so that every fine token is represented exactly once (`disjoint`, spec section 6).
enum class Coverage { overlapping, disjoint };

std::string_view name_of(Coverage coverage);
/// Throws `Error` unless `name` is "overlapping" or "disjoint".
Coverage coverage_from(std::string_view name);

/// What a user chooses (spec section 1). Set fields by name: `Options{.block_size = 16, .top_k = {8}}`.
struct Options {
  std::int64_t block_size = 16;               ///< B >= 2
  std::optional<int> levels = {};             ///< L in 0..max_levels; empty chooses `automatic_levels`
  std::vector<std::int64_t> top_k = {8};      ///< K_1 ... K_L, level 1 first; one number serves every level
  std::optional<int> enrichment_levels = {};  ///< Le in 0..L; empty means L
  bool reweight = true;                       ///< coarse keys weigh as many fine tokens as they stand for
  Coverage coverage = Coverage::overlapping;
  std::optional<double> scale = {};  ///< finite; empty means 1/sqrt(D)
};

/// More levels than this serve nobody: B^62 exceeds every length.
inline constexpr int max_levels = 62;

/// Options with every default filled in, checked against a problem. All later code trusts it.
struct ResolvedOptions {
  std::int64_t block_size = 16;
  int levels = 0;
  std::vector<std::int64_t> top_k;  ///< exactly L numbers, `top_k[l - 1]` is K_l
  int enrichment_levels = 0;
  bool reweight = true;
  Coverage coverage = Coverage::overlapping;
  double scale = 1;
  Hierarchy query, key;
  std::int64_t group = 1;  ///< g, how many query heads share a key head (spec section 9)

  std::int64_t k(int level) const { return top_k[static_cast<std::size_t>(level - 1)]; }
  /// The key head that query head `head` reads, both counted over the whole batch, heads fastest.
  std::int64_t key_head(std::int64_t head) const { return head / group; }
};

/// Fills in and checks. Throws `Error` naming the field, its value and what is allowed when an option is out of range,
/// when `top_k` has neither one nor L numbers, or when the shapes do not belong together: Q `[batch, H, Nq, D]`,
/// K `[batch, Hk, Nk, D]`, V `[batch, Hk, Nk, Dv]`, all extents >= 1, H a multiple of Hk, Nq and Nk below 2^31.
ResolvedOptions resolve(const Options& options, const Shape& query, const Shape& key, const Shape& value);

}  // namespace llsa
