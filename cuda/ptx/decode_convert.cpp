#include <cmath>
#include <limits>

#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/half.hpp"
#include "cuda/ptx/lanes.hpp"

// cvt: PTX ISA, "Data Movement and Conversion Instructions".
namespace llsa::ptx {
namespace {

template <class D>
struct ToInteger {
  template <class S>
  static D of(S a) {
    return static_cast<D>(a);
  }
};
/// Reads the low part of a 64-bit register as an S.
template <class D, class S>
struct LowPart {
  static D of(std::uint64_t a) { return static_cast<D>(static_cast<S>(a)); }
};
struct ToFloat {
  template <class S>
  static float of(S a) {
    return static_cast<float>(a);
  }  // rounds to nearest even
};

/// Float to integer: rounded, then clamped; NaN is 0 in 32 bits and the largest bit in 64.
template <class D, float (*round)(float)>
struct Rounded {
  static D of(float a) {
    if (a != a) return sizeof(D) == 8 ? static_cast<D>(std::uint64_t{1} << 63) : D{0};
    const float r = round(a);
    constexpr float top = static_cast<float>(std::numeric_limits<D>::max());  // may round up, hence >=
    if (r >= top) return std::numeric_limits<D>::max();
    if (r <= static_cast<float>(std::numeric_limits<D>::min())) return std::numeric_limits<D>::min();
    return static_cast<D>(r);
  }
};
template <float (*round)(float)>
struct WholeFloat {
  static float of(float a) { return canonical(round(a)); }
};

float nearest(float x) { return std::nearbyint(x); }
float toward_zero(float x) { return std::trunc(x); }
float down(float x) { return std::floor(x); }
float up(float x) { return std::ceil(x); }

struct FromHalf {
  static float of(std::uint16_t a) { return canonical(half_to_float(a)); }
};
struct FromBf16 {
  static float of(std::uint16_t a) { return canonical(bf16_to_float(a)); }
};
struct ToHalf {
  static std::uint16_t of(float a) { return float_to_half(a); }
};
struct ToBf16 {
  static std::uint16_t of(float a) { return float_to_bf16(a); }
};
/// The first source becomes the upper half.
template <class One>
struct Two {
  static std::uint32_t of(float a, float b) { return static_cast<std::uint32_t>(One::of(a)) << 16 | One::of(b); }
};

template <class D>
Handler integer_from(Builder& b, Type from) {
  switch (from) {
    case Type::u8:
      return map<ToInteger<D>, D, std::uint8_t>;
    case Type::s8:
      return map<ToInteger<D>, D, std::int8_t>;
    case Type::u16:
      return map<ToInteger<D>, D, std::uint16_t>;
    case Type::s16:
      return map<ToInteger<D>, D, std::int16_t>;
    case Type::u32:
      return map<ToInteger<D>, D, std::uint32_t>;
    case Type::s32:
      return map<ToInteger<D>, D, std::int32_t>;
    case Type::u64:
      return map<ToInteger<D>, D, std::uint64_t>;
    case Type::s64:
      return map<ToInteger<D>, D, std::int64_t>;
    default:
      b.fail("conversion from an unknown type");
  }
}
Handler integer_to(Builder& b, Type to, Type from) {
  switch (to) {
    case Type::u8:
      return integer_from<std::uint8_t>(b, from);
    case Type::s8:
      return integer_from<std::int8_t>(b, from);
    case Type::u16:
      return integer_from<std::uint16_t>(b, from);
    case Type::s16:
      return integer_from<std::int16_t>(b, from);
    case Type::u32:
      return integer_from<std::uint32_t>(b, from);
    case Type::s32:
      return integer_from<std::int32_t>(b, from);
    case Type::u64:
      return integer_from<std::uint64_t>(b, from);
    case Type::s64:
      return integer_from<std::int64_t>(b, from);
    default:
      b.fail("conversion to an unknown type");
  }
}
Handler float_from(Builder& b, Type from) {
  switch (from) {
    case Type::u8:
      return map<ToFloat, float, std::uint8_t>;
    case Type::s8:
      return map<ToFloat, float, std::int8_t>;
    case Type::u16:
      return map<ToFloat, float, std::uint16_t>;
    case Type::s16:
      return map<ToFloat, float, std::int16_t>;
    case Type::u32:
      return map<ToFloat, float, std::uint32_t>;
    case Type::s32:
      return map<ToFloat, float, std::int32_t>;
    case Type::u64:
      return map<ToFloat, float, std::uint64_t>;
    case Type::s64:
      return map<ToFloat, float, std::int64_t>;
    default:
      b.fail("conversion from an unknown type");
  }
}
template <float (*round)(float)>
Handler rounded(Builder& b, Type to) {
  switch (to) {
    case Type::u32:
      return map_one_by_one<Rounded<std::uint32_t, round>, std::uint32_t, float>;
    case Type::s32:
      return map_one_by_one<Rounded<std::int32_t, round>, std::int32_t, float>;
    case Type::u64:
      return map_one_by_one<Rounded<std::uint64_t, round>, std::uint64_t, float>;
    case Type::s64:
      return map_one_by_one<Rounded<std::int64_t, round>, std::int64_t, float>;
    case Type::f32:
      return map_one_by_one<WholeFloat<round>, float, float>;
    default:
      b.fail("conversion of a float to an unknown type");
  }
}

/// The source register may be wider than its type (PTX ISA, "Operands", operand size exceeding instruction-type size).
Handler from_low_part(Builder& b, Type to, Type from) {
  if (from == Type::s32 && to == Type::s64)
    return map<LowPart<std::int64_t, std::int32_t>, std::int64_t, std::uint64_t>;
  if (from == Type::u32 && to == Type::u64)
    return map<LowPart<std::uint64_t, std::uint32_t>, std::uint64_t, std::uint64_t>;
  b.fail("a source register of 64 bits where only conversions from 32 bits to 64 are known");
}

}  // namespace

bool decode_convert(Builder& b) {
  if (b.base() != "cvt") return false;
  Instruction& i = b.instruction();
  i.kind = Class::convert;
  enum { none, rn, rni, rzi, rmi, rpi } rounding = none;
  for (const auto& [word, value] : {std::pair{"rn", rn}, {"rni", rni}, {"rzi", rzi}, {"rmi", rmi}, {"rpi", rpi}})
    if (b.accept(word)) rounding = value;
  const Type to = b.type(), from = b.type();
  const bool two = to == Type::f16x2 || to == Type::bf16x2;
  bool wide_source = false;
  const bool from_half = from == Type::f16 || from == Type::bf16;
  if (two || to == Type::f16 || to == Type::bf16) {
    if (rounding != rn || from != Type::f32) b.fail("only .rn from .f32 is known");
    using U16 = std::uint16_t;
    using U32 = std::uint32_t;
    i.execute = to == Type::f16     ? map<ToHalf, U16, float>
                : to == Type::bf16  ? map<ToBf16, U16, float>
                : to == Type::f16x2 ? map<Two<ToHalf>, U32, float, float>
                                    : map<Two<ToBf16>, U32, float, float>;
  } else if (from_half) {
    if (rounding != none || to != Type::f32) b.fail("only to .f32 is known");
    i.execute = from == Type::f16 ? map<FromHalf, float, std::uint16_t> : map<FromBf16, float, std::uint16_t>;
  } else if (from == Type::f32) {
    i.execute = rounding == rni   ? rounded<nearest>(b, to)
                : rounding == rzi ? rounded<toward_zero>(b, to)
                : rounding == rmi ? rounded<down>(b, to)
                : rounding == rpi ? rounded<up>(b, to)
                                  : nullptr;
  } else if (to == Type::f32) {
    if (rounding != rn) b.fail("only .rn is known");
    i.execute = float_from(b, from);
  } else {
    if (rounding != none) b.fail("integers are not rounded");
    wide_source = bytes_of(from) < 8 && b.operand(1).kind == Operand::Kind::reg && b.register_bytes(b.operand(1)) == 8;
    i.execute = wide_source ? from_low_part(b, to, from) : integer_to(b, to, from);
  }
  b.expect_operands(two ? 3 : 2);
  // Registers may be wider than an 8-bit or 16-bit type; what is narrower than 32 bits fills a 32-bit cell.
  b.destination(0, b.operand(0), bytes_of(to));
  b.source(1, b.operand(1), wide_source ? 8 : bytes_of(from));
  if (two) b.source(2, b.operand(2), 4);
  return true;
}

}  // namespace llsa::ptx
