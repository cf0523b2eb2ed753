#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "cuda/ptx/error.hpp"

namespace llsa::ptx {

/// What is remembered of four bytes of memory: who wrote and who read them last. Times are ticks of `Clock`.
struct Shadow {
  std::uint32_t read_tick = 0, read_lanes = 0, write_tick = 0, bits = 0;

  // Of `bits`: bytes 0 to 3 written by the last writer, read by the last readers, and ever written; then flags.
  static constexpr std::uint32_t read_at = 4, known_at = 8;
  static constexpr std::uint32_t atomic = 1u << 12, pending = 1u << 13, other_blocks_read = 1u << 14,
                                 several_warps_read = 1u << 15;
  static constexpr std::uint32_t thread_at = 16, reader_at = 26;  ///< 10 bits, 5 bits
};

/// Orders the accesses of the block that runs. The tick moves on at every barrier, at every block and at every launch,
/// and never back: an access at tick t happened in this block if t >= block_start, in this launch if t >= launch_start,
/// and before the block's last barrier if t <= block_sync. Blocks run one after the other, so no more is needed.
struct Clock {
  std::uint32_t now = 1, launch_start = 1, block_start = 1, block_sync = 0;
  std::array<std::uint32_t, 32> warp_sync{};  ///< the last bar.warp.sync of all lanes of a warp

  /// Barriers that only some lanes of a warp or some warps of a block took part in: `lanes[a][b]` is when lane b last
  /// came to a barrier that a came to.
  struct Parts {
    std::array<std::array<std::array<std::uint32_t, 32>, 32>, 32> lanes{};
    std::array<std::array<std::uint32_t, 32>, 32> warps{};
  };
  std::unique_ptr<Parts> parts;

  void begin_launch() { launch_start = ++now; }
  void begin_block() {
    block_start = ++now;
    block_sync = block_start - 1;
    warp_sync.fill(block_sync);
    parts.reset();
  }
  void barrier() { block_sync = now++; }
  void barrier_of_warps(std::uint32_t warps);
  /// `all` says that no other lane of the warp is left.
  void barrier_of_lanes(std::uint32_t warp, std::uint32_t lanes, bool all);

  /// Whether thread (warp, lane) comes after what (other_warp, other_lane) did at `tick` in this block.
  bool ordered(std::uint32_t tick, std::uint32_t other_warp, std::uint32_t other_lane, std::uint32_t warp,
               std::uint32_t lane) const {
    if (tick <= block_sync) return true;
    if (other_warp == warp && (other_lane == lane || tick <= warp_sync[warp])) return true;
    if (!parts) return false;
    return tick <= parts->warps[warp][other_warp] ||
           (other_warp == warp && tick <= parts->lanes[warp][lane][other_lane]);
  }
};

/// Someone who touches memory.
struct Toucher {
  std::uint32_t warp = 0, lane = 0;
};

namespace detail {
[[noreturn]] void unwritten(std::uint32_t lane);
[[noreturn]] void still_copied(std::uint32_t lane, bool write);
/// `before` is what the other thread did.
[[noreturn]] void race(const char* before, const char* after, std::uint32_t other_thread, Toucher who);
[[noreturn]] void race_of_blocks(const char* before, const char* after, Toucher who);
}  // namespace detail

/// Checks a read of `bytes` (a mask of 4) and remembers it. Global memory lives longer than a block: there, accesses of
/// earlier blocks of the same launch are never ordered before those of this one.
template <bool global>
inline void touch_read(Shadow& s, const Clock& clock, Toucher who, std::uint32_t bytes, bool atomic = false) {
  const std::uint32_t bits = s.bits;
  const bool fresh = s.write_tick >= (global ? clock.launch_start : clock.block_start);
  if ((bits & Shadow::pending) && fresh) detail::still_copied(who.lane, false);
  if (((bits >> Shadow::known_at) & bytes) != bytes || (!global && !fresh)) detail::unwritten(who.lane);
  if (fresh && s.write_tick > clock.block_sync && (bits & bytes)) {
    const std::uint32_t writer = (bits >> Shadow::thread_at) & 1023;
    if (!(atomic && (bits & Shadow::atomic)) &&
        !clock.ordered(s.write_tick, writer / 32, writer % 32, who.warp, who.lane))
      detail::race("wrote", "reads", writer, who);
  } else if (global && fresh && s.write_tick < clock.block_start && (bits & bytes) &&
             !(atomic && (bits & Shadow::atomic))) {
    detail::race_of_blocks("wrote", "reads", who);
  }
  if (atomic) return;  // orders nothing here, and nothing written later by plain stores may race with polling
  const std::uint32_t lane_bit = 1u << who.lane;
  constexpr std::uint32_t readers =
      15u << Shadow::read_at | Shadow::other_blocks_read | Shadow::several_warps_read | 31u << Shadow::reader_at;
  if (s.read_tick <= clock.block_sync) {
    std::uint32_t others = 0;
    if (global && s.read_tick >= clock.launch_start)
      others = s.read_tick < clock.block_start ? Shadow::other_blocks_read : bits & Shadow::other_blocks_read;
    s.bits = (bits & ~readers) | bytes << Shadow::read_at | others | who.warp << Shadow::reader_at;
    s.read_lanes = lane_bit;
  } else {
    const bool same = (bits >> Shadow::reader_at & 31) == who.warp;
    s.read_lanes = s.read_tick <= clock.warp_sync[who.warp] ? lane_bit : s.read_lanes | lane_bit;
    s.bits = bits | bytes << Shadow::read_at | (same ? 0 : Shadow::several_warps_read);
  }
  s.read_tick = clock.now;
}

/// Checks a write and remembers it.
template <bool global>
inline void touch_write(Shadow& s, const Clock& clock, Toucher who, std::uint32_t bytes, bool atomic = false) {
  const std::uint32_t bits = s.bits, since = global ? clock.launch_start : clock.block_start;
  const bool fresh = s.write_tick >= since;
  const std::uint32_t writer = (bits >> Shadow::thread_at) & 1023;
  if ((bits & Shadow::pending) && fresh) detail::still_copied(who.lane, true);
  if (fresh && (bits & bytes) && !(atomic && (bits & Shadow::atomic))) {
    if (s.write_tick > clock.block_sync) {
      if (!clock.ordered(s.write_tick, writer / 32, writer % 32, who.warp, who.lane))
        detail::race("wrote", "writes", writer, who);
    } else if (global && s.write_tick < clock.block_start) {
      detail::race_of_blocks("wrote", "writes", who);
    }
  }
  if (s.read_tick >= since && (bits >> Shadow::read_at & bytes)) {
    if (global && (s.read_tick < clock.block_start || (bits & Shadow::other_blocks_read)))
      detail::race_of_blocks("read", "writes", who);
    if (s.read_tick > clock.block_sync) {
      const std::uint32_t reader = bits >> Shadow::reader_at & 31;
      const std::uint32_t others =
          reader == who.warp && !(bits & Shadow::several_warps_read) ? s.read_lanes & ~(1u << who.lane) : s.read_lanes;
      if (others != 0) {
        const auto other = static_cast<std::uint32_t>(__builtin_ctz(others));
        if ((bits & Shadow::several_warps_read) || !clock.ordered(s.read_tick, reader, other, who.warp, who.lane))
          detail::race("read", "writes", reader * 32 + other, who);
      }
    }
  }
  const std::uint32_t thread = who.warp * 32 + who.lane;
  const std::uint32_t with = fresh && s.write_tick == clock.now && writer == thread ? bits & 15u : 0;
  const std::uint32_t known = (global || fresh ? bits & 15u << Shadow::known_at : 0) | bytes << Shadow::known_at;
  constexpr std::uint32_t kept =
      15u << Shadow::read_at | Shadow::other_blocks_read | Shadow::several_warps_read | 31u << Shadow::reader_at;
  s.bits = (bits & kept) | with | bytes | known | (atomic ? Shadow::atomic : 0) | thread << Shadow::thread_at;
  s.write_tick = clock.now;
}

}  // namespace llsa::ptx
