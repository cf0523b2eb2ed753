#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "llsa/tensor.hpp"

namespace llsa::files {

/// What the elements of a tensor in a file are. Little-endian on disk and in memory.
enum class ElementType { f16, bf16, f32, f64, i32, i64 };

template <class T>
constexpr ElementType element_type_of() {
  if constexpr (std::is_same_v<T, half>)
    return ElementType::f16;
  else if constexpr (std::is_same_v<T, bfloat16>)
    return ElementType::bf16;
  else if constexpr (std::is_same_v<T, float>)
    return ElementType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return ElementType::f64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return ElementType::i32;
  else {
    static_assert(std::is_same_v<T, std::int64_t>, "no such element type");
    return ElementType::i64;
  }
}

std::size_t size_of(ElementType type);
/// As .safetensors spells it: "F16", "BF16", "F32", "F64", "I32", "I64".
std::string_view name_of(ElementType type);
bool is_floating(ElementType type);

/// At most this many dimensions in a file, as in NumPy.
inline constexpr std::size_t max_rank = 32;

/// "[2, 3]", and "[]" for a scalar.
std::string describe_shape(std::span<const std::int64_t> shape);

/// Product of the extents; 1 for a scalar. Throws `Error` when there are more than `max_rank` extents, when one is
/// negative, or when the product of those that are not 0, times `element_size`, exceeds 2^63 - 1.
std::int64_t checked_element_count(std::span<const std::int64_t> shape, std::size_t element_size = 1);

/// One tensor as it lies in a file: a name, an element type, any shape (a scalar has none), elements in C order.
class NamedTensor {
 public:
  NamedTensor() = default;
  /// Throws `Error` unless `bytes` is as long as the shape and the type say.
  NamedTensor(std::string name, ElementType type, std::vector<std::int64_t> shape, std::vector<std::byte> bytes);
  /// Copies `values`, one for each element.
  template <class T>
  NamedTensor(std::string name, std::vector<std::int64_t> shape, std::span<const T> values)
      : NamedTensor(std::move(name), element_type_of<T>(), std::move(shape),
                    {std::as_bytes(values).begin(), std::as_bytes(values).end()}) {}

  const std::string& name() const { return name_; }
  ElementType type() const { return type_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t size() const { return static_cast<std::int64_t>(bytes_.size() / size_of(type_)); }
  std::span<const std::byte> bytes() const { return bytes_; }

  /// The elements as they are. Throws `Error` when they are of another type. T is half, bfloat16, float, double,
  /// int32_t or int64_t.
  template <class T>
  std::span<const T> as() const {
    expect_type(element_type_of<T>());
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<std::size_t>(size())};
  }
  /// Copies of the elements as doubles, from any type (I64 beyond 2^53 is rounded).
  std::vector<double> numbers() const;
  /// Copies of the elements. Throws `Error` unless the type is I32 or I64.
  std::vector<std::int64_t> integers() const;

  /// The same elements under another shape or name. Throws `Error` when the number of elements would differ.
  NamedTensor reshaped(std::vector<std::int64_t> shape) const;
  NamedTensor renamed(std::string name) const;

  friend bool operator==(const NamedTensor&, const NamedTensor&) = default;

 private:
  void expect_type(ElementType wanted) const;

  std::string name_;
  ElementType type_ = ElementType::f32;
  std::vector<std::int64_t> shape_ = {0};
  std::vector<std::byte> bytes_;
};

/// As `[batch, heads, tokens, dim]`, converted to T (half, bfloat16, float, double; 16-bit targets are rounded by way
/// of float). `[tokens, dim]` becomes one batch entry with one head. Throws `Error` for another rank or an integer
/// type.
template <class T>
Tensor<T> to_tensor(const NamedTensor& tensor);

/// A contiguous copy with shape `[batch, heads, tokens, dim]` and T's own element type.
template <class T>
NamedTensor from_tensor(std::string name, TensorView<const T> view);
template <class T>
NamedTensor from_tensor(std::string name, const Tensor<T>& tensor) {
  return from_tensor<T>(std::move(name), tensor.view());
}

/// A tensor of a type that no program here computes with (BOOL, U8, F8_E4M3, ...): named, but not read.
struct UnreadTensor {
  std::string name, type;  ///< the type as the file spells it
};

/// What a file holds: tensors with distinct names, and (in .safetensors) text metadata.
struct TensorFile {
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::vector<UnreadTensor> unread = {};

  /// Null when there is none of that name. Throws `Error` for one that was not read: what is asked for is never taken
  /// as missing.
  const NamedTensor* find(std::string_view name) const;
  /// Throws `Error` that lists the names that exist.
  const NamedTensor& at(std::string_view name) const;
};

/// Reads .npy or .safetensors, told apart by content, not by the file's name. A .npy file becomes one tensor named
/// after the file (without folder and extension). Throws `Error` that begins with the path.
TensorFile read_tensor_file(const std::filesystem::path& path);

}  // namespace llsa::files
