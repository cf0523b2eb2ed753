#include <algorithm>

#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/lanes.hpp"
#include "cuda/ptx/program.hpp"

// mov with packing and unpacking, cvta: PTX ISA, "Data Movement and Conversion Instructions".
namespace llsa::ptx {
namespace {

template <class T>
void move(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  T* d = warp.cells<T>(i.slot[0]);
  const T* a = warp.cells<T>(i.slot[1]);
  if (lanes == all_lanes)
    std::copy_n(a, 32, d);
  else
    for (std::uint32_t lane = 0; lane < 32; ++lane) d[lane] = lanes >> lane & 1 ? a[lane] : d[lane];
}

void move_predicate(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  std::uint32_t& d = warp.predicate(i.slot[0]);
  d = (d & ~lanes) | (warp.predicate(i.slot[1]) & lanes);
}

/// Two halves, the lower one first, into one.
template <class T, class Part>
void pack_two(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  T* d = warp.cells<T>(i.slot[0]);
  const Part* low = warp.cells<Part>(i.slot[1]);
  const Part* high = warp.cells<Part>(i.slot[2]);
  constexpr std::uint32_t bits = 4 * sizeof(T);
  constexpr T mask = (T{1} << bits) - 1;
#pragma GCC ivdep
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    const T value = (low[lane] & mask) | (static_cast<T>(high[lane]) << bits);
    d[lane] = lanes >> lane & 1 ? value : d[lane];
  }
}
template <class T, class Part>
void unpack_two(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  const T* a = warp.cells<T>(i.slot[2]);
  constexpr std::uint32_t bits = 4 * sizeof(T);
  constexpr T mask = (T{1} << bits) - 1;
  for (std::uint32_t part = 0; part < 2; ++part) {
    if (i.detail & 1u << part) continue;  // `_`
    Part* d = warp.cells<Part>(i.slot[part]);
#pragma GCC ivdep
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      const auto value = static_cast<Part>(a[lane] >> (part * bits) & mask);
      d[lane] = lanes >> lane & 1 ? value : d[lane];
    }
  }
}

void move_vector(Builder& b, std::uint32_t bytes, bool into_parts) {
  Instruction& i = b.instruction();
  const Operand& parts = b.operand(into_parts ? 0 : 1);
  if (parts.elements.size() != 2) b.fail("only vectors of two are known");
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;
  if (bytes != 4 && bytes != 8) b.fail("no vectors of this size");
  if (into_parts) {
    i.execute = bytes == 8 ? unpack_two<U64, U32> : unpack_two<U32, U32>;
    b.source(2, b.operand(1), bytes);
    for (std::uint8_t part = 0; part < 2; ++part) {
      if (parts.elements[part].kind == Operand::Kind::sink)
        i.detail |= static_cast<std::uint8_t>(1u << part);
      else
        b.destination(part, parts.elements[part], bytes / 2);
    }
  } else {
    i.execute = bytes == 8 ? pack_two<U64, U32> : pack_two<U32, U32>;
    b.destination(0, b.operand(0), bytes);
    b.source(1, parts.elements[0], bytes / 2);
    b.source(2, parts.elements[1], bytes / 2);
  }
}

struct ToGeneric {
  static std::uint64_t of(std::uint64_t a) { return a | generic_shared; }
};
struct FromGeneric {
  static std::uint64_t of(std::uint64_t a) { return a & ~generic_shared; }
};

}  // namespace

bool decode_move(Builder& b) {
  Instruction& i = b.instruction();
  i.kind = Class::move;
  if (b.base() == "mov") {
    const Type type = b.type();
    b.expect_operands(2);
    if (type == Type::pred) {
      i.execute = move_predicate;
      b.predicate_destination(0, b.operand(0));
      b.predicate_source(1, b.operand(1));
      return true;
    }
    const std::uint32_t bytes = bytes_of(type);
    if (b.operand(0).kind == Operand::Kind::vector || b.operand(1).kind == Operand::Kind::vector)
      return move_vector(b, bytes, b.operand(0).kind == Operand::Kind::vector), true;
    i.execute = bytes == 8 ? move<std::uint64_t> : move<std::uint32_t>;
    b.destination(0, b.operand(0), bytes);
    b.source(1, b.operand(1), bytes);
    return true;
  }
  if (b.base() == "cvta") {
    const bool to = b.accept("to");
    const bool shared = b.one_of({"global", "shared"}) == 1;
    b.one_of({"u64"});
    using U = std::uint64_t;
    i.execute = !shared ? move<U> : to ? map<FromGeneric, U, U> : map<ToGeneric, U, U>;
    b.expect_operands(2);
    b.destination(0, b.operand(0), 8);
    b.source(1, b.operand(1), 8);
    return true;
  }
  return false;
}

}  // namespace llsa::ptx
