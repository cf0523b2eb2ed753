#pragma once

#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// Another number of levels (empty: automatic), with the options that depend on it: one K a level stays one K a level,
/// and no more levels are enriched than there are.
void choose_levels(Options& options, std::optional<int> levels);

/// The next power of two above `block_size`, or the next one below; within 2 and `largest_block_size`.
std::int64_t step_block_size(std::int64_t block_size, bool up);
inline constexpr std::int64_t largest_block_size = 1 << 20;
inline constexpr std::int64_t largest_top_k = 1 << 20;
inline constexpr int most_levels_offered = 8;  ///< B^8 exceeds every picture

/// One step of what the keys change, for the shown side; head and set for both, so that they stay comparable. The last
/// one stays the last one, except that methods go round. True when there was something to step.
bool step_head(Workspace& workspace, int by);
bool step_set(Workspace& workspace, int by);
bool step_block_size(Workspace& workspace, bool up);
bool step_top_k(Workspace& workspace, int by);
bool step_levels(Workspace& workspace, int by);
bool step_method(Workspace& workspace, int by);

}  // namespace llsa::viewer
