#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/lanes.hpp"

// setp and selp: PTX ISA, "Comparison and Selection Instructions".
namespace llsa::ptx {
namespace {

struct Equal {
  template <class T>
  static bool of(T a, T b) {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  static bool of(T a, T b) {
    return a < b || a > b;
  }
};  // false for NaN
struct Less {
  template <class T>
  static bool of(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  static bool of(T a, T b) {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  static bool of(T a, T b) {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  static bool of(T a, T b) {
    return a >= b;
  }
};
/// True when either is NaN.
template <class Op>
struct Unordered {
  static bool of(float a, float b) { return a != a || b != b || Op::of(a, b); }
};
struct Numbers {
  static bool of(float a, float b) { return a == a && b == b; }
};
struct NotNumbers {
  static bool of(float a, float b) { return a != a || b != b; }
};

/// `Instruction::detail`: how a comparison's result meets a third predicate.
enum Combine : std::uint8_t { alone, with_and, with_or, with_xor, negated_third = 4, flush_inputs = 8 };

template <class Op, class T>
void compare(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  const Cell<T>* a = warp.cells<Cell<T>>(i.slot[1]);
  const Cell<T>* b = warp.cells<Cell<T>>(i.slot[2]);
  std::uint32_t result =
      lanes_where([&](std::uint32_t lane) { return Op::of(unpack<T>(a[lane]), unpack<T>(b[lane])); });
  std::uint32_t opposite = ~result;
  const auto combine = i.detail & 3;
  if (combine != alone) {
    const std::uint32_t third = warp.predicate(i.slot[3]) ^ (i.detail & negated_third ? all_lanes : 0);
    const auto with = [&](std::uint32_t x) {
      return combine == with_and ? x & third : combine == with_or ? x | third : x ^ third;
    };
    result = with(result), opposite = with(opposite);
  }
  std::uint32_t& p = warp.predicate(i.slot[0]);
  p = (p & ~lanes) | (result & lanes);
  if (i.count == 2) {
    std::uint32_t& q = warp.predicate(i.slot[4]);
    q = (q & ~lanes) | (opposite & lanes);
  }
}

template <class Op>
Handler of_type(Builder& b, Type type) {
  switch (type) {
    case Type::u16:
    case Type::b16:
      return compare<Op, std::uint16_t>;
    case Type::s16:
      return compare<Op, std::int16_t>;
    case Type::u32:
    case Type::b32:
      return compare<Op, std::uint32_t>;
    case Type::s32:
      return compare<Op, std::int32_t>;
    case Type::u64:
    case Type::b64:
      return compare<Op, std::uint64_t>;
    case Type::s64:
      return compare<Op, std::int64_t>;
    case Type::f32:
      return compare<Op, float>;
    default:
      b.fail("comparison of an unknown type");
  }
}
template <class Op>
Handler of_floats(Builder& b, Type type) {
  if (type != Type::f32) b.fail("this comparison is for floats");
  return compare<Op, float>;
}

void setp(Builder& b) {
  Instruction& i = b.instruction();
  i.kind = Class::compare;
  const std::size_t op = b.one_of({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu",
                                   "leu", "gtu", "geu", "num", "nan"});
  for (const auto& [word, combine] :
       {std::pair<std::string_view, Combine>{"and", with_and}, {"or", with_or}, {"xor", with_xor}})
    if (b.accept(word)) i.detail = combine;
  if (b.accept("ftz")) b.fail("comparison with flushed inputs is not known");
  const Type type = b.type();
  i.execute = [&]() -> Handler {
    switch (op) {
      case 0:
        return of_type<Equal>(b, type);
      case 1:
        return of_type<NotEqual>(b, type);
      case 2:
      case 6:
        return of_type<Less>(b, type);
      case 3:
      case 7:
        return of_type<LessEqual>(b, type);
      case 4:
      case 8:
        return of_type<Greater>(b, type);
      case 5:
      case 9:
        return of_type<GreaterEqual>(b, type);
      case 10:
        return of_floats<Unordered<Equal>>(b, type);
      case 11:
        return of_floats<Unordered<NotEqual>>(b, type);
      case 12:
        return of_floats<Unordered<Less>>(b, type);
      case 13:
        return of_floats<Unordered<LessEqual>>(b, type);
      case 14:
        return of_floats<Unordered<Greater>>(b, type);
      case 15:
        return of_floats<Unordered<GreaterEqual>>(b, type);
      case 16:
        return of_floats<Numbers>(b, type);
      default:
        return of_floats<NotNumbers>(b, type);
    }
  }();
  b.expect_operands(i.detail ? 4 : 3);
  b.predicate_destination(0, b.operand(0));
  if (b.operand(0).predicate >= 0) {
    i.count = 2;
    b.predicate_destination(4, static_cast<std::uint32_t>(b.operand(0).predicate));
  }
  b.source(1, b.operand(1), bytes_of(type));
  b.source(2, b.operand(2), bytes_of(type));
  if (i.detail) {
    b.predicate_source(3, b.operand(3));
    if (b.operand(3).negated) i.detail |= negated_third;
  }
}

template <class T>
void select(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  T* d = warp.cells<T>(i.slot[0]);
  const T* a = warp.cells<T>(i.slot[1]);
  const T* b = warp.cells<T>(i.slot[2]);
  const std::uint32_t p = warp.predicate(i.slot[3]);
#pragma GCC ivdep
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    const T chosen = p >> lane & 1 ? a[lane] : b[lane];
    d[lane] = lanes >> lane & 1 ? chosen : d[lane];
  }
}

}  // namespace

bool decode_compare(Builder& b) {
  if (b.base() == "setp") return setp(b), true;
  if (b.base() != "selp") return false;
  Instruction& i = b.instruction();
  i.kind = Class::compare;
  const Type type = b.type();
  i.execute = bytes_of(type) == 8 ? select<std::uint64_t> : select<std::uint32_t>;
  b.expect_operands(4);
  b.destination(0, b.operand(0), bytes_of(type));
  b.source(1, b.operand(1), bytes_of(type));
  b.source(2, b.operand(2), bytes_of(type));
  b.predicate_source(3, b.operand(3));
  return true;
}

}  // namespace llsa::ptx
