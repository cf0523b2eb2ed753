#pragma once

#include <bit>
#include <cstdint>

namespace llsa::ptx {

// Conversions between fp32 and the two 16-bit formats, round to nearest even, without branches, so that loops over
// lanes become vector code. NaN becomes the canonical NaN of PTX.

inline float bf16_to_float(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

inline std::uint16_t float_to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
  return static_cast<std::uint16_t>(x != x ? 0x7fffu : rounded);
}

inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
  // The exponent's bias differs by 112: a product repairs it for normal and subnormal numbers alike.
  const float finite = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  const std::uint32_t special = 0x7f800000u | (magnitude << 13);
  const std::uint32_t value = magnitude >= 0x7c00u ? special : std::bit_cast<std::uint32_t>(finite);
  return std::bit_cast<float>(sign | value);
}

inline std::uint16_t float_to_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  // Subnormal results: adding 0.5 lines the last place of a half up with that of the float.
  const std::uint32_t small =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - std::bit_cast<std::uint32_t>(0.5f);
  const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
  std::uint32_t value = magnitude < 0x38800000u ? small : normal;
  value = magnitude >= 0x477ff000u ? 0x7c00u : value;
  return static_cast<std::uint16_t>(magnitude > 0x7f800000u ? 0x7fffu : (sign | value));
}

}  // namespace llsa::ptx
