#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "cuda/ptx/block.hpp"
#include "cuda/ptx/error.hpp"

namespace llsa::ptx {

enum class Space : std::uint8_t { shared, global, generic, parameter };
/// The atomic ones do not race with each other; volatile accesses count as such.
enum class Touch : std::uint8_t { read, write, atomic, atomic_read, atomic_write };

namespace detail {
[[noreturn]] void misaligned(std::uint64_t address, std::uint32_t bytes, std::uint32_t lane);
[[noreturn]] void outside_shared(std::uint64_t address, std::uint32_t bytes, std::uint64_t size, std::uint32_t lane);
[[noreturn]] void outside_global(std::uint64_t address, std::uint32_t bytes, std::uint32_t lane);

template <Touch touch>
inline void touch_word(Shadow& s, const Clock& clock, Toucher who, std::uint32_t mask, bool global) {
  constexpr bool atomic = touch != Touch::read && touch != Touch::write;
  constexpr bool reads = touch == Touch::read || touch == Touch::atomic || touch == Touch::atomic_read;
  constexpr bool writes = touch == Touch::write || touch == Touch::atomic || touch == Touch::atomic_write;
  if constexpr (reads)
    global ? touch_read<true>(s, clock, who, mask, atomic) : touch_read<false>(s, clock, who, mask, atomic);
  if constexpr (writes)
    global ? touch_write<true>(s, clock, who, mask, atomic) : touch_write<false>(s, clock, who, mask, atomic);
}

template <Touch touch>
inline void touch_bytes(Shadow* s, const Clock& clock, Toucher who, std::uint64_t address, std::uint32_t bytes,
                        bool global) {
  if (bytes < 4) return touch_word<touch>(*s, clock, who, ((1u << bytes) - 1) << address % 4, global);
  for (std::uint32_t word = 0; word < bytes / 4; ++word) touch_word<touch>(s[word], clock, who, 15, global);
}
}  // namespace detail

/// Offset into the block's shared memory, after the checks for bounds and alignment.
inline std::uint32_t shared_offset(Block& block, std::uint64_t address, std::uint32_t bytes, std::uint32_t lane) {
  const std::uint64_t offset = address - shared_base, size = block.shared().size();
  if (offset >= size || bytes > size - offset) detail::outside_shared(address, bytes, size, lane);
  if (address % bytes != 0) detail::misaligned(address, bytes, lane);
  return static_cast<std::uint32_t>(offset);
}

/// `alignment` is that of the access, of which only `bytes` may be needed.
inline void check_global(Block& block, std::uint64_t address, std::uint32_t bytes, std::uint32_t lane,
                         std::uint32_t alignment) {
  if (address < block.recent.begin || address >= block.recent.end) {
    const Allocation* found = block.memory().find(address);
    if (!found) detail::outside_global(address, bytes, lane);
    block.recent = *found;
  }
  if (bytes > block.recent.end - address) detail::outside_global(address, bytes, lane);
  if (address % alignment != 0) detail::misaligned(address, alignment, lane);
}

/// Where an aligned access of 1, 2, 4, 8 or 16 bytes goes, with all checks done. Throws `Fault`.
template <Space space, Touch touch>
inline std::byte* reach(Block& block, std::uint64_t address, std::uint32_t bytes, Toucher who) {
  const bool shared = space == Space::shared || (space == Space::generic && (address & generic_shared));
  if (shared) {
    const std::uint32_t offset = shared_offset(block, address & ~generic_shared, bytes, who.lane);
    if (block.settings().check)
      detail::touch_bytes<touch>(&block.shared_shadow(offset), block.clock, who, address, bytes, false);
    return block.shared().data() + offset;
  }
  check_global(block, address, bytes, who.lane, bytes);
  if (block.settings().check)
    detail::touch_bytes<touch>(&block.memory().shadow(address), block.clock, who, address, bytes, true);
  return reinterpret_cast<std::byte*>(address);
}

/// Counts a warp's access, when that is asked for. Addresses of lanes that are not in `lanes` are not read.
template <Space space>
inline void count_access(Block& block, const std::uint64_t* addresses, std::uint32_t lanes, std::uint32_t bytes) {
  if (!block.settings().count) return;
  std::uint32_t shared = 0;
  std::uint32_t offsets[32];
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    if (!(lanes >> lane & 1)) continue;
    if (space == Space::shared || (space == Space::generic && (addresses[lane] & generic_shared))) shared |= 1u << lane;
    offsets[lane] = static_cast<std::uint32_t>(addresses[lane]);
  }
  if (shared) count_wavefronts(block.counts(), offsets, shared, bytes);
  if (lanes & ~shared) block.count_global(addresses, lanes & ~shared);
}

/// The addresses of a memory instruction: place 12 holds the base, of 64 bits where `wide`.
inline void addresses_of(const Warp& warp, const Instruction& instruction, bool wide, std::uint64_t* out) {
  const auto offset = static_cast<std::uint64_t>(instruction.offset);
  if (wide) {
    const auto* base = warp.cells<std::uint64_t>(instruction.slot[12]);
    for (std::uint32_t lane = 0; lane < 32; ++lane) out[lane] = base[lane] + offset;
  } else {
    const auto* base = warp.cells<std::uint32_t>(instruction.slot[12]);
    for (std::uint32_t lane = 0; lane < 32; ++lane) out[lane] = static_cast<std::uint32_t>(base[lane] + offset);
  }
}

/// Bits of `Instruction::detail` in loads, stores and atomics.
inline constexpr std::uint8_t wide_address = 1, is_volatile = 2;

}  // namespace llsa::ptx
