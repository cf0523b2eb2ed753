#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "cuda/ptx/warp.hpp"

namespace llsa::ptx {

// How an operation on scalars becomes a handler: a loop over lanes that the compiler turns into vector code. 64-bit
// values are held in 64-bit cells, all others in 32-bit ones, 16-bit values with zeros above.

template <class T>
using Cell = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <class T>
T unpack(Cell<T> cell) {
  if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<float>(cell);
  else
    return static_cast<T>(cell);
}
template <class T>
Cell<T> pack(T value) {
  if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<std::uint32_t>(value);
  else
    return static_cast<Cell<T>>(static_cast<std::make_unsigned_t<T>>(value));
}

/// PTX does not keep NaN payloads: arithmetic gives this one.
inline float canonical(float x) { return x != x ? std::bit_cast<float>(0x7fffffffu) : x; }

namespace detail {
template <class Op, class D, class... S, std::size_t... place>
void map(Warp& warp, const Instruction& instruction, std::uint32_t lanes, std::index_sequence<place...>) {
  Cell<D>* const d = warp.cells<Cell<D>>(instruction.slot[0]);
  [&](const Cell<S>* const... s) {
    // Operands are the same place or apart, never shifted against each other.
    if (lanes == all_lanes) {
#pragma GCC ivdep
      for (std::uint32_t lane = 0; lane < 32; ++lane) d[lane] = pack<D>(Op::of(unpack<S>(s[lane])...));
    } else {
#pragma GCC ivdep
      for (std::uint32_t lane = 0; lane < 32; ++lane)
        d[lane] = lanes >> lane & 1 ? pack<D>(Op::of(unpack<S>(s[lane])...)) : d[lane];
    }
  }(warp.cells<Cell<S>>(instruction.slot[1 + place])...);
}
}  // namespace detail

/// `D Op::of(S...)`, destination in place 0, sources from place 1 on. Also evaluated for lanes that do not take part,
/// so it must be defined for all values.
template <class Op, class D, class... S>
void map(Warp& warp, const Instruction& instruction, std::uint32_t lanes) {
  detail::map<Op, D, S...>(warp, instruction, lanes, std::index_sequence_for<S...>{});
}

/// The same, one lane after the other, for operations that are calls.
template <class Op, class D, class... S>
void map_one_by_one(Warp& warp, const Instruction& instruction, std::uint32_t lanes) {
  Cell<D>* const d = warp.cells<Cell<D>>(instruction.slot[0]);
  [&]<std::size_t... place>(std::index_sequence<place...>) {
    for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
      const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
      d[lane] = pack<D>(Op::of(unpack<S>(warp.cells<Cell<S>>(instruction.slot[1 + place])[lane])...));
    }
  }
  (std::index_sequence_for<S...>{});
}

/// A mask of the lanes for which `test(lane)` holds.
template <class Test>
std::uint32_t lanes_where(Test test) {
  std::uint32_t mask = 0;
  for (std::uint32_t lane = 0; lane < 32; ++lane) mask |= test(lane) ? 1u << lane : 0u;
  return mask;
}

}  // namespace llsa::ptx
