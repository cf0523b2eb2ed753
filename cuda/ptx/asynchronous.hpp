#pragma once

#include "cuda/ptx/warp.hpp"

namespace llsa::ptx {

/// Copies that were started by cp.async arrive when their thread waits for them, or at once (Settings::copies). Until
/// then nobody may touch the target: until the wait in any case, and after it other threads need a barrier, as if the
/// thread had written the bytes when it waited.
void start_copies(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void commit_copies(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void wait_for_copies(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
/// At the end of the warp.
void finish_copies(Warp& warp);

}  // namespace llsa::ptx
