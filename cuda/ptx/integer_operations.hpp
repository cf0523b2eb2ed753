#pragma once

#include <algorithm>
#include <bit>

#include "cuda/ptx/lanes.hpp"

namespace llsa::ptx::integer_operations {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
/// Arithmetic is done in cells, where overflow is defined.
template <class T>
T wrapped(Cell<T> x) {
  return static_cast<T>(static_cast<Unsigned<T>>(x));
}
template <class T>
Cell<T> wide(T x) {
  return static_cast<Cell<T>>(x);
}

struct Add {
  template <class T>
  static T of(T a, T b) {
    return wrapped<T>(wide(a) + wide(b));
  }
};
struct Subtract {
  template <class T>
  static T of(T a, T b) {
    return wrapped<T>(wide(a) - wide(b));
  }
};
struct Multiply {
  template <class T>
  static T of(T a, T b) {
    return wrapped<T>(wide(a) * wide(b));
  }
};
struct MultiplyAdd {
  template <class T>
  static T of(T a, T b, T c) {
    return wrapped<T>(wide(a) * wide(b) + wide(c));
  }
};
struct Minimum {
  template <class T>
  static T of(T a, T b) {
    return b < a ? b : a;
  }
};
struct Maximum {
  template <class T>
  static T of(T a, T b) {
    return a < b ? b : a;
  }
};
struct Negate {
  template <class T>
  static T of(T a) {
    return wrapped<T>(0 - wide(a));
  }
};
struct Absolute {
  template <class T>
  static T of(T a) {
    return a < 0 ? wrapped<T>(0 - wide(a)) : a;
  }
};
struct And {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
struct Not {
  template <class T>
  static T of(T a) {
    return static_cast<T>(~a);
  }
};

/// Division by zero gives all ones on the hardware; PTX leaves it open.
struct Divide {
  template <class T>
  static T of(T a, T b) {
    if (b == 0) return static_cast<T>(~T{0});
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return Negate::of(a);
    return static_cast<T>(a / b);
  }
};
struct Remainder {
  template <class T>
  static T of(T a, T b) {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return 0;
    return static_cast<T>(a % b);
  }
};
template <class W>
struct Wide {
  template <class T>
  static W of(T a, T b) {
    return wrapped<W>(wide(static_cast<W>(a)) * wide(static_cast<W>(b)));
  }
  template <class T>
  static W of(T a, T b, W c) {
    return wrapped<W>(wide(of(a, b)) + wide(c));
  }
};
struct High {
  template <class T>
  static T of(T a, T b) {
    if constexpr (sizeof(T) == 8) {
      using W = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
      return static_cast<T>(static_cast<unsigned __int128>(static_cast<W>(a) * static_cast<W>(b)) >> 64);
    } else {
      using W = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
      return static_cast<T>((static_cast<W>(a) * static_cast<W>(b)) >> (8 * sizeof(T)));
    }
  }
  template <class T>
  static T of(T a, T b, T c) {
    return Add::of(of(a, b), c);
  }
};
struct Left {
  template <class T>
  static T of(T a, std::uint32_t n) {
    return n >= 8 * sizeof(T) ? T{0} : wrapped<T>(wide(a) << n);
  }
};
struct Right {
  template <class T>
  static T of(T a, std::uint32_t n) {
    constexpr std::uint32_t width = 8 * sizeof(T);
    if constexpr (std::is_signed_v<T>)
      return static_cast<T>(a >> (n >= width ? width - 1 : n));
    else
      return n >= width ? T{0} : static_cast<T>(a >> n);
  }
};
struct Ones {
  template <class T>
  static std::uint32_t of(T a) {
    return static_cast<std::uint32_t>(std::popcount(a));
  }
};
struct LeadingZeros {
  template <class T>
  static std::uint32_t of(T a) {
    return static_cast<std::uint32_t>(std::countl_zero(a));
  }
};
/// bfind: the place of the highest bit that is not the sign, or with `shift` how far it is from the top; all ones where
/// there is none.
template <bool shift>
struct FindTop {
  template <class T>
  static std::uint32_t of(T a) {
    using U = Unsigned<T>;
    U bits = static_cast<U>(a);
    if constexpr (std::is_signed_v<T>) bits = a < 0 ? static_cast<U>(~bits) : bits;
    const auto zeros = static_cast<std::uint32_t>(std::countl_zero(bits));
    if (bits == 0) return ~0u;
    return shift ? zeros : 8 * sizeof(T) - 1 - zeros;
  }
};
struct Reverse {
  static std::uint32_t of(std::uint32_t a) {
    std::uint32_t r = 0;
    for (int i = 0; i < 32; ++i) r |= (a >> i & 1) << (31 - i);
    return r;
  }
};
/// bfi: the low `length` bits of a into b, from bit `position` on.
struct Insert {
  template <class T>
  static T of(T a, T b, std::uint32_t position, std::uint32_t length) {
    constexpr std::uint32_t width = 8 * sizeof(T);
    position &= 255, length &= 255;
    if (position >= width || length == 0) return b;
    const T field = length >= width ? ~T{0} : static_cast<T>((T{1} << length) - 1);
    const T mask = static_cast<T>(field << position);
    return static_cast<T>((b & ~mask) | ((a << position) & mask));
  }
};
struct Extract {
  template <class T>
  static T of(T a, std::uint32_t position, std::uint32_t length) {
    constexpr std::uint32_t width = 8 * sizeof(T);
    position &= 255, length &= 255;
    if (length == 0) return 0;
    using U = Unsigned<T>;
    const U shifted = position >= width ? U{0} : static_cast<U>(static_cast<U>(a) >> position);
    const U field = length >= width ? ~U{0} : static_cast<U>((U{1} << length) - 1);
    U value = shifted & field;
    if constexpr (std::is_signed_v<T>) {
      const std::uint32_t top = std::min(position + length - 1, width - 1);
      if ((static_cast<U>(a) >> top & 1) && length < width) value |= static_cast<U>(~field);
      if (position >= width) value = (static_cast<U>(a) >> (width - 1) & 1) ? ~U{0} : U{0};
    }
    return static_cast<T>(value);
  }
};
/// bmsk.clamp: `width` ones from bit `position` on.
struct Mask {
  static std::uint32_t of(std::uint32_t position, std::uint32_t width) {
    if (position >= 32) return 0;
    const std::uint32_t ones = width >= 32 ? ~0u : (1u << width) - 1;
    return ones << position;
  }
};
struct Permute {
  static std::uint32_t of(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    const std::uint64_t bytes = a | std::uint64_t{b} << 32;
    std::uint32_t result = 0;
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::uint32_t select = c >> 4 * i & 15;
      std::uint32_t byte = static_cast<std::uint32_t>(bytes >> 8 * (select & 7)) & 255;
      if (select & 8) byte = byte & 128 ? 255 : 0;
      result |= byte << 8 * i;
    }
    return result;
  }
};
template <bool left, bool wrap>
struct Funnel {
  static std::uint32_t of(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    const std::uint32_t n = wrap ? c & 31 : std::min(c, 32u);
    const std::uint64_t both = a | std::uint64_t{b} << 32;
    return static_cast<std::uint32_t>(left ? (both << n) >> 32 : both >> n);
  }
};

}  // namespace llsa::ptx::integer_operations
