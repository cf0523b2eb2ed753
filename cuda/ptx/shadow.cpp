#include "cuda/ptx/shadow.hpp"

namespace llsa::ptx {

void Clock::barrier_of_warps(std::uint32_t warps) {
  if (!parts) parts = std::make_unique<Parts>();
  for (std::uint32_t a = 0; a < 32; ++a)
    for (std::uint32_t b = 0; b < 32; ++b)
      if ((warps >> a & 1) && (warps >> b & 1)) parts->warps[a][b] = now;
  ++now;
}

void Clock::barrier_of_lanes(std::uint32_t warp, std::uint32_t lanes, bool all) {
  if (all) {
    warp_sync[warp] = now;
  } else {
    if (!parts) parts = std::make_unique<Parts>();
    for (std::uint32_t a = 0; a < 32; ++a)
      for (std::uint32_t b = 0; b < 32; ++b)
        if ((lanes >> a & 1) && (lanes >> b & 1)) parts->lanes[warp][a][b] = now;
  }
  ++now;
}

namespace detail {

void unwritten(std::uint32_t lane) { throw Fault{"reads memory that was never written", lane}; }

void still_copied(std::uint32_t lane, bool write) {
  throw Fault{std::string(write ? "writes" : "reads") + " the target of an asynchronous copy that was not waited for",
              lane};
}

void race(const char* before, const char* after, std::uint32_t other_thread, Toucher who) {
  throw Fault{"race: " + std::string(after) + " what thread " + std::to_string(other_thread) + " " + before +
                  " with no barrier in between",
              who.lane};
}

void race_of_blocks(const char* before, const char* after, Toucher who) {
  throw Fault{"race between blocks: " + std::string(after) + " what another block of the launch " + before, who.lane};
}

}  // namespace detail
}  // namespace llsa::ptx
