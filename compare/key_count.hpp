#pragma once

#include "llsa/options.hpp"

namespace llsa::compare {

/// How many keys a query attends to, and how many scores selecting them takes, without selecting: what every list being
/// full gives. Exact when B^L divides the lengths; else a ragged last block can make it a little smaller in truth.
struct KeyCount {
  double fine = 0;    ///< fine keys
  double coarse = 0;  ///< coarse keys of all enriched levels
  double scored = 0;  ///< candidates scored while selecting, per fine query (a level-l query stands for B^l of them)
  double keys() const { return fine + coarse; }
};
KeyCount key_count(const ResolvedOptions& options);

/// The K with which a single-level method touches as nearly as possible `keys` keys: the nearest whole number to
/// `(keys - coarse_keys) / B`, at least 1 and at most all blocks.
std::int64_t matching_top_k(double keys, double coarse_keys, std::int64_t block_size, std::int64_t key_tokens);

}  // namespace llsa::compare
