#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/integer_operations.hpp"
#include "cuda/ptx/lanes.hpp"

// Integer arithmetic, shifts, logic and bit fields: PTX ISA, "Integer Arithmetic Instructions", "Logic and Shift
// Instructions".
namespace llsa::ptx {
namespace {

using namespace integer_operations;

/// The handler of Op for integer types, with D and all sources of the type.
template <class Op, template <class, class> class How>
Handler of_integer(Builder& b, Type type) {
  switch (type) {
    case Type::u16:
      return How<Op, std::uint16_t>::handler;
    case Type::s16:
      return How<Op, std::int16_t>::handler;
    case Type::u32:
      return How<Op, std::uint32_t>::handler;
    case Type::s32:
      return How<Op, std::int32_t>::handler;
    case Type::u64:
      return How<Op, std::uint64_t>::handler;
    case Type::s64:
      return How<Op, std::int64_t>::handler;
    default:
      b.fail("no integer type");
  }
}
template <class Op, template <class, class> class How>
Handler of_bits(Builder& b, Type type) {
  switch (type) {
    case Type::b16:
      return How<Op, std::uint16_t>::handler;
    case Type::b32:
      return How<Op, std::uint32_t>::handler;
    case Type::b64:
      return How<Op, std::uint64_t>::handler;
    default:
      b.fail("no type of bits");
  }
}
template <class Op, class T>
struct One {
  static constexpr Handler handler = map<Op, T, T>;
};
template <class Op, class T>
struct Two {
  static constexpr Handler handler = map<Op, T, T, T>;
};
template <class Op, class T>
struct Three {
  static constexpr Handler handler = map<Op, T, T, T, T>;
};
template <class Op, class T>
struct Slow {
  static constexpr Handler handler = map_one_by_one<Op, T, T, T>;
};
template <class Op, class T>
struct Shift {
  static constexpr Handler handler = map<Op, T, T, std::uint32_t>;
};
template <class Op, class T>
struct Count {
  static constexpr Handler handler = map<Op, std::uint32_t, T>;
};
template <class Op, class T>
struct Field {
  static constexpr Handler handler = map<Op, T, T, std::uint32_t, std::uint32_t>;
};
template <class Op, class T>
struct Fields {
  static constexpr Handler handler = map<Op, T, T, T, std::uint32_t, std::uint32_t>;
};

/// Destination and sources of the same size.
void same(Builder& b, Type type, std::size_t sources) {
  b.expect_operands(sources + 1);
  b.destination(0, b.operand(0), bytes_of(type));
  for (std::size_t s = 1; s <= sources; ++s) b.source(static_cast<std::uint8_t>(s), b.operand(s), bytes_of(type));
}

/// Lanes of predicates, as masks.
template <class Op>
void on_predicates(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  std::uint32_t& d = warp.predicate(i.slot[0]);
  d = (d & ~lanes) | (Op::of(warp.predicate(i.slot[1]), warp.predicate(i.slot[2])) & lanes);
}
void not_predicate(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  std::uint32_t& d = warp.predicate(i.slot[0]);
  d = (d & ~lanes) | (~warp.predicate(i.slot[1]) & lanes);
}

template <class Op>
void logic(Builder& b) {
  const Type type = b.type();
  if (type == Type::pred) {
    b.expect_operands(3);
    b.predicate_destination(0, b.operand(0));
    b.predicate_source(1, b.operand(1));
    b.predicate_source(2, b.operand(2));
    b.instruction().execute = on_predicates<Op>;
    b.instruction().kind = Class::compare;
    return;
  }
  b.instruction().execute = of_bits<Op, Two>(b, type);
  same(b, type, 2);
}

void multiply(Builder& b, bool add) {
  const std::size_t form = b.one_of({"lo", "wide", "hi"});
  const Type type = b.type();
  Handler& execute = b.instruction().execute;
  const std::size_t sources = add ? 3 : 2;
  if (form == 0) {
    execute = add ? of_integer<MultiplyAdd, Three>(b, type) : of_integer<Multiply, Two>(b, type);
    return same(b, type, sources);
  }
  if (form == 2) {
    execute = add ? of_integer<High, Three>(b, type) : of_integer<High, Two>(b, type);
    return same(b, type, sources);
  }
  using U16 = std::uint16_t;
  using S16 = std::int16_t;
  using U32 = std::uint32_t;
  using S32 = std::int32_t;
  using U64 = std::uint64_t;
  using S64 = std::int64_t;
  switch (type) {
    case Type::u16:
      execute = add ? map<Wide<U32>, U32, U16, U16, U32> : map<Wide<U32>, U32, U16, U16>;
      break;
    case Type::s16:
      execute = add ? map<Wide<S32>, S32, S16, S16, S32> : map<Wide<S32>, S32, S16, S16>;
      break;
    case Type::u32:
      execute = add ? map<Wide<U64>, U64, U32, U32, U64> : map<Wide<U64>, U64, U32, U32>;
      break;
    case Type::s32:
      execute = add ? map<Wide<S64>, S64, S32, S32, S64> : map<Wide<S64>, S64, S32, S32>;
      break;
    default:
      b.fail("no type for a wide product");
  }
  b.expect_operands(sources + 1);
  b.destination(0, b.operand(0), 2 * bytes_of(type));
  b.source(1, b.operand(1), bytes_of(type));
  b.source(2, b.operand(2), bytes_of(type));
  if (add) b.source(3, b.operand(3), 2 * bytes_of(type));
}

void shift(Builder& b, bool left) {
  const Type type = b.type();
  const bool bits = type == Type::b16 || type == Type::b32 || type == Type::b64;
  if (left)
    b.instruction().execute = of_bits<Left, Shift>(b, type);
  else
    b.instruction().execute = bits ? of_bits<Right, Shift>(b, type) : of_integer<Right, Shift>(b, type);
  b.expect_operands(3);
  b.destination(0, b.operand(0), bytes_of(type));
  b.source(1, b.operand(1), bytes_of(type));
  b.source(2, b.operand(2), 4);
}

void fields(Builder& b) {
  const bool insert = b.base() == "bfi";
  const Type type = b.type();
  b.instruction().execute = insert ? of_bits<Insert, Fields>(b, type) : of_integer<Extract, Field>(b, type);
  const std::size_t values = insert ? 2 : 1;
  b.expect_operands(values + 3);
  b.destination(0, b.operand(0), bytes_of(type));
  for (std::size_t s = 1; s <= values + 2; ++s)
    b.source(static_cast<std::uint8_t>(s), b.operand(s), s <= values ? bytes_of(type) : 4);
}

}  // namespace

bool decode_integer(Builder& b) {
  const std::string_view base = b.base();
  Instruction& i = b.instruction();
  i.kind = Class::integer;
  const auto arithmetic = [&](auto op) {
    using Op = decltype(op);
    const Type type = b.type();
    i.execute = of_integer<Op, Two>(b, type);
    same(b, type, 2);
    return true;
  };
  const auto one = [&](Handler handler, Type type) {
    i.execute = handler;
    same(b, type, 1);
    return true;
  };
  const auto counted = [&](auto op) {
    const Type type = b.type();
    i.execute = of_bits<decltype(op), Count>(b, type);
    b.expect_operands(2);
    b.destination(0, b.operand(0), 4);
    b.source(1, b.operand(1), bytes_of(type));
    return true;
  };
  if (base == "add") return arithmetic(Add{});
  if (base == "sub") return arithmetic(Subtract{});
  if (base == "min") return arithmetic(Minimum{});
  if (base == "max") return arithmetic(Maximum{});
  if (base == "mul" || base == "mad") return multiply(b, base == "mad"), true;
  if (base == "div" || base == "rem") {
    const Type type = b.type();
    i.execute = base == "div" ? of_integer<Divide, Slow>(b, type) : of_integer<Remainder, Slow>(b, type);
    return same(b, type, 2), true;
  }
  if (base == "neg" || base == "abs") {
    const Type type = b.type();
    return one(base == "neg" ? of_integer<Negate, One>(b, type) : of_integer<Absolute, One>(b, type), type);
  }
  if (base == "and") return logic<And>(b), true;
  if (base == "or") return logic<Or>(b), true;
  if (base == "xor") return logic<Xor>(b), true;
  if (base == "not") {
    const Type type = b.type();
    if (type != Type::pred) return one(of_bits<Not, One>(b, type), type);
    b.expect_operands(2);
    b.predicate_destination(0, b.operand(0));
    b.predicate_source(1, b.operand(1));
    i.execute = not_predicate;
    i.kind = Class::compare;
    return true;
  }
  if (base == "shl" || base == "shr") return shift(b, base == "shl"), true;
  if (base == "popc") return counted(Ones{});
  if (base == "clz") return counted(LeadingZeros{});
  if (base == "bfind") {
    const bool shift = b.accept("shiftamt");
    const Type type = b.type();
    i.execute = shift ? of_integer<FindTop<true>, Count>(b, type) : of_integer<FindTop<false>, Count>(b, type);
    b.expect_operands(2);
    b.destination(0, b.operand(0), 4);
    b.source(1, b.operand(1), bytes_of(type));
    return true;
  }
  if (base == "brev") return b.one_of({"b32"}), one(map<Reverse, std::uint32_t, std::uint32_t>, Type::b32);
  if (base == "bfi" || base == "bfe") return fields(b), true;
  if (base == "bmsk") {
    b.one_of({"clamp"}), b.one_of({"b32"});
    i.execute = map<Mask, std::uint32_t, std::uint32_t, std::uint32_t>;
    return same(b, Type::b32, 2), true;
  }
  if (base == "prmt") {
    b.one_of({"b32"});
    i.execute = map<Permute, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;
    return same(b, Type::b32, 3), true;
  }
  if (base == "shf") {
    const bool left = b.one_of({"r", "l"}) == 1, wrap = b.one_of({"clamp", "wrap"}) == 1;
    b.one_of({"b32"});
    using U = std::uint32_t;
    i.execute = left ? (wrap ? map<Funnel<true, true>, U, U, U, U> : map<Funnel<true, false>, U, U, U, U>)
                     : (wrap ? map<Funnel<false, true>, U, U, U, U> : map<Funnel<false, false>, U, U, U, U>);
    return same(b, Type::b32, 3), true;
  }
  return false;
}

}  // namespace llsa::ptx
