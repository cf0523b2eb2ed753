#pragma once

#include <rapidcheck/gtest.h>

#include <numeric>

#include "files/tensor_file.hpp"

namespace llsa::files::testing {

inline const std::vector<ElementType> all_types = {ElementType::f16, ElementType::bf16, ElementType::f32,
                                                   ElementType::f64, ElementType::i32,  ElementType::i64};

/// Zero to five extents of zero to four: scalars and empty tensors come up often.
inline rc::Gen<std::vector<std::int64_t>> shapes() {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 6), [](std::size_t rank) {
    return rc::gen::container<std::vector<std::int64_t>>(rank, rc::gen::inRange<std::int64_t>(0, 5));
  });
}

/// Any bytes of one of the types: also NaN, infinities and subnormal numbers.
inline rc::Gen<NamedTensor> tensors(const std::string& name, const std::vector<ElementType>& types = all_types) {
  return rc::gen::exec([=] {
    const ElementType type = *rc::gen::elementOf(types);
    auto shape = *shapes();
    const auto count = std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                                       [](std::size_t n, std::int64_t e) { return n * static_cast<std::size_t>(e); });
    const auto raw =
        *rc::gen::container<std::vector<std::uint8_t>>(count * size_of(type), rc::gen::arbitrary<std::uint8_t>());
    const auto bytes = std::as_bytes(std::span(raw));
    return NamedTensor(name, type, std::move(shape), {bytes.begin(), bytes.end()});
  });
}

}  // namespace llsa::files::testing
