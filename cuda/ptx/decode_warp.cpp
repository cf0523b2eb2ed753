#include <bit>
#include <cstring>

#include "cuda/ptx/barrier.hpp"
#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/error.hpp"
#include "cuda/ptx/integer_operations.hpp"
#include "cuda/ptx/lanes.hpp"

// Branches, barriers, shuffles, votes: PTX ISA, "Control Flow Instructions", "Parallel Synchronization and
// Communication Instructions", "shfl.sync". Handlers of collective instructions get the lanes of one member mask that
// are there.
namespace llsa::ptx {

BarrierOperands barrier_operands(const Warp& warp, const Instruction& i) {
  const auto lane = static_cast<std::size_t>(std::countr_zero(warp.alive()));
  const std::uint32_t number = warp.cells<std::uint32_t>(i.slot[1])[lane];
  if (number >= 16) throw Fault{"there are 16 barriers, this is number " + std::to_string(number), 0};
  return {number, warp.cells<std::uint32_t>(i.slot[2])[lane],
          i.detail == barrier_sync ? 0 : warp.predicate(i.slot[3]) ^ (i.count == 2 ? all_lanes : 0)};
}

void store_reduction(Warp& warp, const Instruction& i, const Reduced& reduced) {
  if (i.detail == barrier_sync) return;
  const std::uint32_t lanes = warp.alive();
  if (i.detail == barrier_sum) {
    for (std::uint32_t lane = 0; lane < 32; ++lane)
      if (lanes >> lane & 1) warp.cells<std::uint32_t>(i.slot[0])[lane] = reduced.sum;
    return;
  }
  std::uint32_t& d = warp.predicate(i.slot[0]);
  d = (d & ~lanes) | ((i.detail == barrier_any ? reduced.any : reduced.all) ? lanes : 0);
}

namespace {

using integer_operations::Maximum;
using integer_operations::Minimum;

enum Shuffle : std::uint8_t { up, down, butterfly, indexed };

/// `c` holds a clamp in bits 0 to 4 and a segment mask in bits 8 to 12.
void shuffle(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  std::uint32_t source[32];
  std::memcpy(source, warp.cells<std::uint32_t>(i.slot[1]), sizeof source);
  const std::uint32_t* bs = warp.cells<std::uint32_t>(i.slot[2]);
  const std::uint32_t* cs = warp.cells<std::uint32_t>(i.slot[3]);
  std::uint32_t* d = warp.cells<std::uint32_t>(i.slot[0]);
  std::uint32_t inside = 0;
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    const std::uint32_t b = bs[lane] & 31, segment = cs[lane] >> 8 & 31, clamp = cs[lane] & 31;
    const std::uint32_t last = (lane & segment) | (clamp & ~segment), first = lane & segment;
    std::uint32_t from = lane;
    bool valid = false;
    switch (i.detail) {
      case up:
        valid = static_cast<int>(lane) - static_cast<int>(b) >= static_cast<int>(last);
        from = lane - b;
        break;
      case down:
        from = lane + b;
        valid = from <= last;
        break;
      case butterfly:
        from = lane ^ b;
        valid = from <= last;
        break;
      default:
        from = first | (b & ~segment);
        valid = from <= last;
        break;
    }
    if (!valid) from = lane;
    if (!(lanes >> from & 1))
      throw Fault{"takes a value from lane " + std::to_string(from) + ", which does not take part", lane};
    d[lane] = source[from];
    if (valid) inside |= 1u << lane;
  }
  if (i.count == 2) {
    std::uint32_t& p = warp.predicate(i.slot[4]);
    p = (p & ~lanes) | inside;
  }
}

enum Vote : std::uint8_t { all, any, uniform, ballot };

void vote(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  const std::uint32_t votes = (warp.predicate(i.slot[1]) ^ (i.count == 2 ? all_lanes : 0)) & lanes;
  if (i.detail == ballot) {
    std::uint32_t* d = warp.cells<std::uint32_t>(i.slot[0]);
    for (std::uint32_t lane = 0; lane < 32; ++lane)
      if (lanes >> lane & 1) d[lane] = votes;
    return;
  }
  const bool result = i.detail == all ? votes == lanes : i.detail == any ? votes != 0 : votes == lanes || votes == 0;
  std::uint32_t& d = warp.predicate(i.slot[0]);
  d = (d & ~lanes) | (result ? lanes : 0);
}

template <class T>
void match_any(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  const T* a = warp.cells<T>(i.slot[1]);
  std::uint32_t* d = warp.cells<std::uint32_t>(i.slot[0]);
  std::uint32_t result[32];
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    result[lane] = lanes & lanes_where([&](std::uint32_t other) { return a[other] == a[lane]; });
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    if (lanes >> lane & 1) d[lane] = result[lane];
}

struct Add {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
  }
};
struct And {
  template <class T>
  static T of(T a, T b) {
    return a & b;
  }
};
struct Or {
  template <class T>
  static T of(T a, T b) {
    return a | b;
  }
};
struct Xor {
  template <class T>
  static T of(T a, T b) {
    return a ^ b;
  }
};

template <class Op, class T>
void reduce(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  const std::uint32_t* a = warp.cells<std::uint32_t>(i.slot[1]);
  T result = static_cast<T>(a[std::countr_zero(lanes)]);
  for (std::uint32_t rest = lanes & (lanes - 1); rest; rest &= rest - 1)
    result = Op::of(result, static_cast<T>(a[std::countr_zero(rest)]));
  std::uint32_t* d = warp.cells<std::uint32_t>(i.slot[0]);
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    if (lanes >> lane & 1) d[lane] = static_cast<std::uint32_t>(result);
}

void active_mask(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    if (lanes >> lane & 1) warp.cells<std::uint32_t>(i.slot[0])[lane] = lanes;
}

void collective(Builder& b, std::size_t mask_operand) {
  b.instruction().flow = Flow::members;
  b.instruction().kind = Class::shuffle;
  b.source(13, b.operand(mask_operand), 4);
}

void decode_shuffle(Builder& b) {
  Instruction& i = b.instruction();
  b.one_of({"sync"});
  i.detail = static_cast<std::uint8_t>(b.one_of({"up", "down", "bfly", "idx"}));
  b.one_of({"b32"});
  b.expect_operands(5);
  b.destination(0, b.operand(0), 4);
  if (b.operand(0).predicate >= 0) {
    i.count = 2;
    b.predicate_destination(4, static_cast<std::uint32_t>(b.operand(0).predicate));
  }
  for (std::uint8_t s = 1; s <= 3; ++s) b.source(s, b.operand(s), 4);
  collective(b, 4);
  i.execute = shuffle;
}

void decode_vote(Builder& b) {
  Instruction& i = b.instruction();
  // nvcc writes both vote.sync.ballot and vote.ballot.sync.
  bool sync = b.accept("sync");
  i.detail = static_cast<std::uint8_t>(b.one_of({"all", "any", "uni", "ballot"}));
  if (!sync) b.one_of({"sync"});
  b.one_of({i.detail == ballot ? "b32" : "pred"});
  b.expect_operands(3);
  if (i.detail == ballot)
    b.destination(0, b.operand(0), 4);
  else
    b.predicate_destination(0, b.operand(0));
  b.predicate_source(1, b.operand(1));
  if (b.operand(1).negated) i.count = 2;
  collective(b, 2);
  i.execute = vote;
}

void decode_reduce(Builder& b) {
  Instruction& i = b.instruction();
  b.one_of({"sync"});
  const std::size_t op = b.one_of({"add", "min", "max", "and", "or", "xor"});
  const std::size_t type = b.one_of({"u32", "s32", "b32"});
  using U = std::uint32_t;
  using S = std::int32_t;
  constexpr Handler handlers[6][2] = {
      {reduce<Add, U>, reduce<Add, S>},         {reduce<Minimum, U>, reduce<Minimum, S>},
      {reduce<Maximum, U>, reduce<Maximum, S>}, {reduce<And, U>, reduce<And, U>},
      {reduce<Or, U>, reduce<Or, U>},           {reduce<Xor, U>, reduce<Xor, U>}};
  if ((op < 3) == (type == 2)) b.fail("a reduction of an unknown type");
  i.execute = handlers[op][type == 1];
  b.expect_operands(3);
  b.destination(0, b.operand(0), 4);
  b.source(1, b.operand(1), 4);
  collective(b, 2);
}

void decode_barrier(Builder& b) {
  Instruction& i = b.instruction();
  i.kind = Class::barrier;
  if (b.accept("warp")) {
    b.one_of({"sync"});
    b.expect_operands(1);
    i.flow = Flow::warp_barrier;
    b.source(13, b.operand(0), 4);
    return;
  }
  b.accept("cta");
  i.flow = Flow::barrier;
  std::size_t next = 0;
  bool reduction = false;
  if (b.accept("red")) {
    reduction = true;
    const std::size_t op = b.one_of({"or", "and", "popc"});
    i.detail = op == 0 ? barrier_any : op == 1 ? barrier_all : barrier_sum;
    b.accept("aligned");
    b.one_of({op == 2 ? "u32" : "pred"});
    if (op == 2)
      b.destination(0, b.operand(next++), 4);
    else
      b.predicate_destination(0, b.operand(next++));
  } else {
    b.one_of({"sync"});
    b.accept("aligned");
  }
  b.source(1, b.operand(next++), 4);
  if (b.operand_count() - next > (reduction ? 1u : 0u))
    b.source(2, b.operand(next++), 4);
  else
    b.constant(2, 0, 4);
  if (reduction) {
    if (b.operand(next).negated) i.count = 2;
    b.predicate_source(3, b.operand(next++));
  }
  b.expect_operands(next);
}

}  // namespace

bool decode_warp(Builder& b) {
  const std::string_view base = b.base();
  Instruction& i = b.instruction();
  if (base == "bra") {
    b.accept("uni");
    b.expect_operands(1);
    if (b.operand(0).kind != Operand::Kind::symbol) b.fail("a label expected");
    i.flow = Flow::branch;
    i.kind = Class::branch;
    return true;
  }
  if (base == "ret" || base == "exit") {
    b.expect_operands(0);
    i.flow = Flow::leave;
    i.kind = Class::branch;
    return true;
  }
  if (base == "shfl") return decode_shuffle(b), true;
  if (base == "vote") return decode_vote(b), true;
  if (base == "redux") return decode_reduce(b), true;
  if (base == "bar" || base == "barrier") {
    if (base == "barrier" && b.last() != "aligned") return false;  // without .aligned it means something else
    return decode_barrier(b), true;
  }
  if (base == "match") {
    b.one_of({"any"}), b.one_of({"sync"});
    const bool wide = b.one_of({"b32", "b64"}) == 1;
    i.execute = wide ? match_any<std::uint64_t> : match_any<std::uint32_t>;
    b.expect_operands(3);
    b.destination(0, b.operand(0), 4);
    b.source(1, b.operand(1), wide ? 8 : 4);
    collective(b, 2);
    return true;
  }
  if (base == "activemask") {
    b.one_of({"b32"});
    b.expect_operands(1);
    b.destination(0, b.operand(0), 4);
    i.kind = Class::shuffle;
    i.execute = active_mask;
    return true;
  }
  return false;
}

}  // namespace llsa::ptx
