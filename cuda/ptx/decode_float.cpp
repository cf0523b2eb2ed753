#include <cmath>

#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/lanes.hpp"

// fp32 arithmetic: PTX ISA, "Floating Point Instructions". Everything rounds to nearest even; the approximate functions
// are those of the host's mathematical library, so their last bits differ from a device's.
namespace llsa::ptx {
namespace {

float flushed(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits);
}
/// An operation with subnormal inputs and results replaced by zeros of their sign.
template <class Op>
struct Flushed {
  template <class... S>
  static float of(S... s) {
    return flushed(Op::of(flushed(s)...));
  }
};

struct Add {
  static float of(float a, float b) { return canonical(a + b); }
};
struct Subtract {
  static float of(float a, float b) { return canonical(a - b); }
};
struct Multiply {
  static float of(float a, float b) { return canonical(a * b); }
};
struct MultiplyAdd {
  static float of(float a, float b, float c) { return canonical(std::fma(a, b, c)); }
};
struct Divide {
  static float of(float a, float b) { return canonical(a / b); }
};
struct Reciprocal {
  static float of(float a) { return canonical(1.0f / a); }
};
struct Root {
  static float of(float a) { return canonical(std::sqrt(a)); }
};
struct ReciprocalRoot {
  static float of(float a) { return canonical(static_cast<float>(1.0 / std::sqrt(static_cast<double>(a)))); }
};
struct Exponential {
  static float of(float a) { return canonical(std::exp2(a)); }
};
struct Logarithm {
  static float of(float a) { return canonical(std::log2(a)); }
};
/// Signs only: NaN keeps its bits.
struct Negate {
  static float of(float a) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(a) ^ 0x80000000u); }
};
struct Absolute {
  static float of(float a) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(a) & 0x7fffffffu); }
};

/// A NaN loses to a number; -0 is less than +0.
struct Minimum {
  static float of(float a, float b) {
    const float equal = std::bit_cast<float>(std::bit_cast<std::uint32_t>(a) | std::bit_cast<std::uint32_t>(b));
    const float less = a < b ? a : a == b ? equal : b;
    return canonical(a != a ? b : b != b ? a : less);
  }
};
struct Maximum {
  static float of(float a, float b) {
    const float equal = std::bit_cast<float>(std::bit_cast<std::uint32_t>(a) & std::bit_cast<std::uint32_t>(b));
    const float more = a > b ? a : a == b ? equal : b;
    return canonical(a != a ? b : b != b ? a : more);
  }
};

template <class Op, class... S>
Handler vectorised(bool flush) {
  return flush ? map<Flushed<Op>, float, S...> : map<Op, float, S...>;
}
template <class Op, class... S>
Handler called(bool flush) {
  return flush ? map_one_by_one<Flushed<Op>, float, S...> : map_one_by_one<Op, float, S...>;
}

}  // namespace

bool decode_float(Builder& b) {
  const std::string_view base = b.base();
  if (b.last() != "f32") return false;
  Instruction& i = b.instruction();
  const auto take = [&](Class kind, std::size_t sources, Handler handler) {
    b.one_of({"f32"});
    i.kind = kind;
    i.execute = handler;
    b.expect_operands(sources + 1);
    b.destination(0, b.operand(0), 4);
    for (std::size_t s = 1; s <= sources; ++s) b.source(static_cast<std::uint8_t>(s), b.operand(s), 4);
    return true;
  };
  const auto two = [&]<class Op>(Op) {
    const bool round_given = b.accept("rn");
    (void)round_given;  // rn is what add, sub and mul do without it
    const bool flush = b.accept("ftz");
    return take(Class::fp32, 2, vectorised<Op, float, float>(flush));
  };
  if (base == "add") return two(Add{});
  if (base == "sub") return two(Subtract{});
  if (base == "mul") return two(Multiply{});
  if (base == "fma" || base == "mad") {
    b.one_of({"rn"});
    const bool flush = b.accept("ftz");
    return take(Class::fp32, 3, vectorised<MultiplyAdd, float, float, float>(flush));
  }
  if (base == "min" || base == "max") {
    const bool flush = b.accept("ftz");
    return take(Class::fp32, 2,
                base == "min" ? vectorised<Minimum, float, float>(flush) : vectorised<Maximum, float, float>(flush));
  }
  if (base == "neg" || base == "abs") {
    const bool flush = b.accept("ftz");
    return take(Class::fp32, 1, base == "neg" ? vectorised<Negate, float>(flush) : vectorised<Absolute, float>(flush));
  }
  if (base == "div") {
    b.one_of({"rn", "full", "approx"});
    const bool flush = b.accept("ftz");
    return take(Class::special, 2, vectorised<Divide, float, float>(flush));
  }
  if (base == "rcp" || base == "sqrt") {
    b.one_of({"rn", "approx"});
    const bool flush = b.accept("ftz");
    return take(Class::special, 1,
                base == "rcp" ? vectorised<Reciprocal, float>(flush) : vectorised<Root, float>(flush));
  }
  if (base == "rsqrt" || base == "ex2" || base == "lg2") {
    b.one_of({"approx"});
    const bool flush = b.accept("ftz");
    return take(Class::special, 1,
                base == "rsqrt" ? called<ReciprocalRoot, float>(flush)
                : base == "ex2" ? called<Exponential, float>(flush)
                                : called<Logarithm, float>(flush));
  }
  return false;
}

}  // namespace llsa::ptx
