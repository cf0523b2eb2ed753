#pragma once

#include "llsa/selection.hpp"

namespace llsa::compare {

/// How many keys a query attends to, fine and coarse together: the mean over all queries and `heads` (batch * heads).
/// Nk when L = 0.
double keys_per_query(const Selection& selection, const ResolvedOptions& options, std::int64_t heads);

}  // namespace llsa::compare
