#pragma once

#include <cstdint>

#include "llsa/options.hpp"
#include "llsa/selection.hpp"

namespace llsa::cuda {

/// Where one level lies in the arrays that the stages share. Extents are per head; starts count elements and already
/// include batch x heads, so that offsets beyond 2^31 are plain 64-bit sums.
struct Level {
  std::int32_t queries = 0, keys = 0;         ///< T_l of either hierarchy
  std::int32_t query_span = 1, key_span = 1;  ///< B^l, saturated: a count is min(span, tokens - t * span), in 64 bits
  std::int32_t width = 0;                     ///< entries of a list of this level (levels 1..L)
  std::int64_t query_row = 0, key_row = 0;    ///< first row in a pyramid: level l is `[heads, T_l, dim]` from there
  std::int64_t list = 0;                      ///< first entry in the lists: `[heads, queries, width]` from there
  std::int64_t offset = 0;                    ///< first entry in transposed offsets: `[heads * keys + 1]` from there
};

/// The problem as kernels see it: passed by value (3.5 KiB). Level 0 is the fine tokens (it has no rows in a pyramid,
/// no list); levels 1..L follow.
///
/// Arrays: a pyramid is `[sum over levels 1..L of heads * T_l, dim]`, contiguous, level 1 first. Lists are int32, best
/// first, -1 beyond a list's end. The transpose of level l is `d_offsets + level[l].offset` (int64, `heads * keys + 1`,
/// counted from that level's first query index) and `d_query_indices + level[l].list` (int32, query token within the
/// head, ascending): key token c of head h was selected by `[offsets[h * keys + c], offsets[h * keys + c + 1])`.
struct Levels {
  std::int64_t heads = 1;  ///< batch * heads
  std::int64_t block_size = 2;
  std::int32_t levels = 0;             ///< L
  std::int32_t enrichment_levels = 0;  ///< Le
  Level level[max_levels + 1];

  // Totals, in elements.
  std::int64_t query_rows = 0, key_rows = 0, list_entries = 0, offset_entries = 0;
};

/// `selection`, when not null, gives the widths of lists that come from outside.
Levels make_levels(const ResolvedOptions& options, std::int64_t heads, const Selection* selection = nullptr);

}  // namespace llsa::cuda
