#include <fmt/format.h>

#include <algorithm>

#include "files/byte_source.hpp"
#include "files/tensor_file.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

/// Calls `use` with the elements in their own type.
template <class Use>
void visit(const NamedTensor& tensor, Use use) {
  switch (tensor.type()) {
    case ElementType::f16:
      return use(tensor.as<half>());
    case ElementType::bf16:
      return use(tensor.as<bfloat16>());
    case ElementType::f32:
      return use(tensor.as<float>());
    case ElementType::f64:
      return use(tensor.as<double>());
    case ElementType::i32:
      return use(tensor.as<std::int32_t>());
    case ElementType::i64:
      return use(tensor.as<std::int64_t>());
  }
}

template <class T>
inline constexpr bool is_16_bit = std::is_same_v<T, half> || std::is_same_v<T, bfloat16>;

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else if constexpr (is_16_bit<To> || is_16_bit<From>)
    return static_cast<To>(static_cast<float>(value));
  else
    return static_cast<To>(value);
}

Shape shape_of(const NamedTensor& tensor) {
  const auto& s = tensor.shape();
  if (s.size() == 2) return {1, 1, s[0], s[1]};
  if (s.size() == 4) return {s[0], s[1], s[2], s[3]};
  throw Error(fmt::format("tensor {} has shape {}; it must be [batch, heads, tokens, dim] or [tokens, dim]",
                          quote(tensor.name()), describe_shape(s)));
}

}  // namespace

std::vector<double> NamedTensor::numbers() const {
  std::vector<double> result(static_cast<std::size_t>(size()));
  visit(*this, [&]<class From>(std::span<const From> from) {
    std::ranges::transform(from, result.begin(), convert<double, From>);
  });
  return result;
}

std::vector<std::int64_t> NamedTensor::integers() const {
  if (is_floating(type_))
    throw Error(fmt::format("tensor {} is {}; it must be I32 or I64", quote(name_), name_of(type_)));
  std::vector<std::int64_t> result(static_cast<std::size_t>(size()));
  if (type_ == ElementType::i32)
    std::ranges::copy(as<std::int32_t>(), result.begin());
  else
    std::ranges::copy(as<std::int64_t>(), result.begin());
  return result;
}

template <class T>
Tensor<T> to_tensor(const NamedTensor& tensor) {
  if (!is_floating(tensor.type()))
    throw Error(
        fmt::format("tensor {} is {}; it must be F16, BF16, F32 or F64", quote(tensor.name()), name_of(tensor.type())));
  Tensor<T> result(shape_of(tensor));
  visit(tensor,
        [&]<class From>(std::span<const From> from) { std::ranges::transform(from, result.data(), convert<T, From>); });
  return result;
}

template <class T>
NamedTensor from_tensor(std::string name, TensorView<const T> view) {
  const Shape& s = view.shape;
  std::vector<std::int64_t> shape = {s.batch, s.heads, s.tokens, s.dim};
  std::vector<std::byte> bytes(static_cast<std::size_t>(checked_element_count(shape, sizeof(T))) * sizeof(T));
  T* to = reinterpret_cast<T*>(bytes.data());
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t)
        for (std::int64_t d = 0; d < s.dim; ++d) *to++ = view(b, h, t, d);
  return {std::move(name), element_type_of<T>(), std::move(shape), std::move(bytes)};
}

#define LLSA_INSTANTIATE(T)                            \
  template Tensor<T> to_tensor<T>(const NamedTensor&); \
  template NamedTensor from_tensor<T>(std::string, TensorView<const T>);
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
#undef LLSA_INSTANTIATE

}  // namespace llsa::files
