#include <algorithm>
#include <bit>

#include "cuda/ptx/access.hpp"
#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/lanes.hpp"

// atom, red and membar: PTX ISA, "Parallel Synchronization and Communication Instructions". Lanes come one after the
// other, the lowest first.
namespace llsa::ptx {
namespace {

struct Add {
  template <class T>
  static T of(T old, T b, T) {
    if constexpr (std::is_same_v<T, float>)
      return canonical(old + b);
    else
      return static_cast<T>(static_cast<Cell<T>>(old) + static_cast<Cell<T>>(b));
  }
};
struct Minimum {
  template <class T>
  static T of(T old, T b, T) {
    return b < old ? b : old;
  }
};
struct Maximum {
  template <class T>
  static T of(T old, T b, T) {
    return old < b ? b : old;
  }
};
struct And {
  template <class T>
  static T of(T old, T b, T) {
    return old & b;
  }
};
struct Or {
  template <class T>
  static T of(T old, T b, T) {
    return old | b;
  }
};
struct Xor {
  template <class T>
  static T of(T old, T b, T) {
    return old ^ b;
  }
};
struct Exchange {
  template <class T>
  static T of(T, T b, T) {
    return b;
  }
};
struct CompareAndSwap {
  template <class T>
  static T of(T old, T b, T c) {
    return old == b ? c : old;
  }
};

/// Places: 0 destination (`count` 0: none), 1 and 2 values, 12 address.
template <class Op, class T, Space space>
void atomic(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  Block& block = warp.block();
  std::uint64_t addresses[32];
  addresses_of(warp, i, i.detail & wide_address, addresses);
  const auto* b = warp.cells<Cell<T>>(i.slot[1]);
  const auto* c = warp.cells<Cell<T>>(i.slot[2]);
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    std::byte* at = reach<space, Touch::atomic>(block, addresses[lane], sizeof(T), {warp.index(), lane});
    T old;
    std::memcpy(&old, at, sizeof old);
    const T value = Op::template of<T>(old, unpack<T>(b[lane]), unpack<T>(c[lane]));
    std::memcpy(at, &value, sizeof value);
    if (i.count) warp.cells<Cell<T>>(i.slot[0])[lane] = pack<T>(old);
  }
  count_access<space>(block, addresses, lanes, sizeof(T));
}

template <class Op, class T>
Handler in_space(Space space) {
  return space == Space::shared   ? atomic<Op, T, Space::shared>
         : space == Space::global ? atomic<Op, T, Space::global>
                                  : atomic<Op, T, Space::generic>;
}
template <class Op>
Handler arithmetic(Builder& b, Type type, Space space) {
  switch (type) {
    case Type::u32:
      return in_space<Op, std::uint32_t>(space);
    case Type::s32:
      return in_space<Op, std::int32_t>(space);
    case Type::u64:
      return in_space<Op, std::uint64_t>(space);
    case Type::s64:
      return in_space<Op, std::int64_t>(space);
    case Type::f32:
      if constexpr (std::is_same_v<Op, Add>) return in_space<Op, float>(space);
      [[fallthrough]];
    default:
      b.fail("an atomic operation on an unknown type");
  }
}
template <class Op>
Handler bitwise(Builder& b, Type type, Space space) {
  if (type == Type::b32) return in_space<Op, std::uint32_t>(space);
  if (type == Type::b64) return in_space<Op, std::uint64_t>(space);
  b.fail("an atomic operation on an unknown type");
}

/// Fences order what the checks already take as ordered: blocks run one after the other, and threads of a block are
/// only believed to be ordered by barriers.
void nothing(Warp&, const Instruction&, std::uint32_t) {}

}  // namespace

bool decode_atomic(Builder& b) {
  Instruction& i = b.instruction();
  if (b.base() == "membar") {
    b.one_of({"cta", "gl", "sys"});
    b.expect_operands(0);
    i.kind = Class::barrier;
    i.execute = nothing;
    return true;
  }
  if (b.base() == "fence") {
    for (const std::string_view word : {"sc", "acq_rel"}) b.accept(word);
    b.one_of({"cta", "gpu", "sys"});
    b.expect_operands(0);
    i.kind = Class::barrier;
    i.execute = nothing;
    return true;
  }
  if (b.base() != "atom" && b.base() != "red") return false;
  const bool returns = b.base() == "atom";
  i.kind = Class::atomic;
  for (const std::string_view word : {"relaxed", "acquire", "release", "acq_rel"}) b.accept(word);
  for (const std::string_view word : {"cta", "gpu", "sys"}) b.accept(word);
  const Space space = b.accept("global") ? Space::global : b.accept("shared") ? Space::shared : Space::generic;
  const std::size_t op = b.one_of({"add", "min", "max", "and", "or", "xor", "exch", "cas"});
  const Type type = b.type();
  i.execute = [&]() -> Handler {
    switch (op) {
      case 0:
        return arithmetic<Add>(b, type, space);
      case 1:
        return arithmetic<Minimum>(b, type, space);
      case 2:
        return arithmetic<Maximum>(b, type, space);
      case 3:
        return bitwise<And>(b, type, space);
      case 4:
        return bitwise<Or>(b, type, space);
      case 5:
        return bitwise<Xor>(b, type, space);
      case 6:
        return bitwise<Exchange>(b, type, space);
      default:
        return bitwise<CompareAndSwap>(b, type, space);
    }
  }();
  const std::size_t values = op == 7 ? 2 : 1, first = returns ? 1 : 0;
  b.expect_operands(first + 1 + values);
  i.count = returns && b.operand(0).kind != Operand::Kind::sink;
  if (i.count) b.destination(0, b.operand(0), bytes_of(type));
  if (b.address(b.operand(first))) i.detail |= wide_address;
  for (std::size_t v = 0; v < values; ++v)
    b.source(static_cast<std::uint8_t>(1 + v), b.operand(first + 1 + v), bytes_of(type));
  if (values == 1) b.constant(2, 0, bytes_of(type));
  i.bytes = static_cast<std::uint8_t>(bytes_of(type));
  return true;
}

}  // namespace llsa::ptx
