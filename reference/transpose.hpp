#pragma once

#include <vector>

#include "llsa/selection.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

/// Transpose of the selection of one level and head, spec section 5: query-major lists become key-major ones by
/// counting, an exclusive scan and a stable scatter. `keys` is `T_l` of the key hierarchy. Cost is linear in the lists'
/// length.
TransposedList transpose(const LevelSelection& lists, std::int64_t head, std::int64_t keys);

/// All heads of one level, `[batch * heads]`.
std::vector<TransposedList> transpose(const LevelSelection& lists, std::int64_t keys, ThreadPool& threads);

}  // namespace llsa::reference
