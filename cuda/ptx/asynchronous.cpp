#include "cuda/ptx/asynchronous.hpp"

#include <algorithm>
#include <bit>

#include "cuda/ptx/access.hpp"

namespace llsa::ptx {
namespace {

template <class Action>
void for_words(Block& block, const Warp::Copy& copy, Action action) {
  for (std::uint32_t byte = 0; byte < copy.bytes; byte += 4) action(block.shared_shadow(copy.to + byte));
}

void move(Block& block, const Warp::Copy& copy) {
  std::byte* to = block.shared().data() + copy.to;
  std::memcpy(to, reinterpret_cast<const void*>(copy.from), copy.source_bytes);
  std::memset(to + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
}

void arrive(Warp& warp, const Warp::Copy& copy) {
  Block& block = warp.block();
  if (block.settings().copies == CopyArrival::late) move(block, copy);
  if (!block.settings().check) return;
  for_words(block, copy, [&](Shadow& s) {
    s.bits &= ~Shadow::pending;
    s.write_tick = block.clock.now;
  });
}

template <class Done>
void arrive_where(Warp& warp, Done done) {
  const auto kept =
      std::stable_partition(warp.copies.begin(), warp.copies.end(), [&](const auto& c) { return !done(c); });
  for (auto copy = kept; copy != warp.copies.end(); ++copy) arrive(warp, *copy);
  warp.copies.erase(kept, warp.copies.end());
}

}  // namespace

void start_copies(Warp& warp, const Instruction& instruction, std::uint32_t lanes) {
  Block& block = warp.block();
  std::uint64_t from[32], to[32];
  addresses_of(warp, instruction, true, from);
  const bool wide = instruction.detail & wide_address;
  const std::uint32_t* sizes = warp.cells<std::uint32_t>(instruction.slot[1]);
  std::uint32_t reading = 0;
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    to[lane] = wide ? warp.cells<std::uint64_t>(instruction.slot[0])[lane] & ~generic_shared
                    : warp.cells<std::uint32_t>(instruction.slot[0])[lane];
    Warp::Copy copy{.from = from[lane],
                    .to = shared_offset(block, to[lane], instruction.bytes, lane),
                    .group = warp.commits[lane],
                    .lane = static_cast<std::uint8_t>(lane),
                    .bytes = instruction.bytes,
                    .source_bytes = static_cast<std::uint8_t>(sizes[lane])};
    if (sizes[lane] > instruction.bytes) throw Fault{"copies more bytes than the copy has", lane};
    if (copy.source_bytes) {
      reading |= 1u << lane;
      check_global(block, copy.from, copy.source_bytes, lane, instruction.bytes);
      if (block.settings().check)
        for (std::uint32_t byte = 0; byte < copy.source_bytes; byte += 4)
          touch_read<true>(block.memory().shadow(copy.from + byte), block.clock, {warp.index(), lane},
                           copy.source_bytes - byte >= 4 ? 15 : (1u << (copy.source_bytes - byte)) - 1);
    }
    if (block.settings().check)
      for_words(block, copy, [&](Shadow& s) {
        touch_write<false>(s, block.clock, {warp.index(), lane}, 15);
        s.bits |= Shadow::pending;
      });
    if (block.settings().copies == CopyArrival::early) move(block, copy);
    block.counts().copy_async_bytes += copy.source_bytes;
    warp.copies.push_back(copy);
  }
  count_access<Space::shared>(block, to, lanes, instruction.bytes);
  if (reading) count_access<Space::global>(block, from, reading, instruction.bytes);
}

void commit_copies(Warp& warp, const Instruction&, std::uint32_t lanes) {
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1)
    ++warp.commits[static_cast<std::size_t>(std::countr_zero(rest))];
}

void wait_for_copies(Warp& warp, const Instruction& instruction, std::uint32_t lanes) {
  const bool everything = instruction.detail != 0;
  const auto open = static_cast<std::uint32_t>(instruction.offset);  // youngest groups that need not be complete
  arrive_where(warp, [&](const Warp::Copy& copy) {
    return (lanes >> copy.lane & 1) && (everything || copy.group + open < warp.commits[copy.lane]);
  });
}

void finish_copies(Warp& warp) {
  arrive_where(warp, [](const Warp::Copy&) { return true; });
}

}  // namespace llsa::ptx
