#include "files/tensor_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>

#include "files/byte_source.hpp"
#include "files/foreign_format.hpp"
#include "files/npy_format.hpp"
#include "files/safetensors_format.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {

static_assert(std::endian::native == std::endian::little, "elements are used as they lie in the file");

std::size_t size_of(ElementType type) {
  switch (type) {
    case ElementType::f16:
    case ElementType::bf16:
      return 2;
    case ElementType::f32:
    case ElementType::i32:
      return 4;
    case ElementType::f64:
    case ElementType::i64:
      return 8;
  }
  return 0;
}

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::f16:
      return "F16";
    case ElementType::bf16:
      return "BF16";
    case ElementType::f32:
      return "F32";
    case ElementType::f64:
      return "F64";
    case ElementType::i32:
      return "I32";
    case ElementType::i64:
      return "I64";
  }
  return "?";
}

bool is_floating(ElementType type) { return type != ElementType::i32 && type != ElementType::i64; }

std::string describe_shape(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::int64_t checked_element_count(std::span<const std::int64_t> shape, std::size_t element_size) {
  if (shape.size() > max_rank)
    throw Error(fmt::format("{} dimensions; at most {} are allowed", shape.size(), max_rank));
  auto room = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(element_size);
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw Error(fmt::format("shape {} has a negative extent", describe_shape(shape)));
    // An extent of 0 must not hide an overflow: callers multiply extents in any order.
    if (extent > 0 && (room /= extent) == 0)
      throw Error(fmt::format("shape {} is too large; its bytes must number less than 2^63", describe_shape(shape)));
    count *= extent;
  }
  return count;
}

NamedTensor::NamedTensor(std::string name, ElementType type, std::vector<std::int64_t> shape,
                         std::vector<std::byte> bytes)
    : name_(std::move(name)), type_(type), shape_(std::move(shape)), bytes_(std::move(bytes)) {
  const auto wanted = static_cast<std::uint64_t>(checked_element_count(shape_, size_of(type_))) * size_of(type_);
  if (bytes_.size() != wanted)
    throw Error(fmt::format("tensor {} has {} bytes; shape {} of {} takes {}", quote(name_), bytes_.size(),
                            describe_shape(shape_), name_of(type_), wanted));
}

void NamedTensor::expect_type(ElementType wanted) const {
  if (type_ != wanted)
    throw Error(fmt::format("tensor {} is {}; it must be {}", quote(name_), name_of(type_), name_of(wanted)));
}

NamedTensor NamedTensor::reshaped(std::vector<std::int64_t> shape) const {
  if (checked_element_count(shape, size_of(type_)) != size())
    throw Error(fmt::format("tensor {} of shape {} cannot take shape {}: the number of elements differs", quote(name_),
                            describe_shape(shape_), describe_shape(shape)));
  NamedTensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

NamedTensor NamedTensor::renamed(std::string name) const {
  NamedTensor result = *this;
  result.name_ = std::move(name);
  return result;
}

const NamedTensor* TensorFile::find(std::string_view name) const {
  if (const auto other = std::ranges::find(unread, name, &UnreadTensor::name); other != unread.end())
    throw Error(fmt::format("tensor {} is {}; it must be F16, BF16, F32, F64, I32 or I64", quote(name), other->type));
  const auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

const NamedTensor& TensorFile::at(std::string_view name) const {
  if (const NamedTensor* tensor = find(name)) return *tensor;
  std::string names;
  for (const NamedTensor& tensor : tensors) names += (names.empty() ? "" : ", ") + quote(tensor.name());
  for (const UnreadTensor& other : unread)
    names += fmt::format("{}{} ({}, not read)", names.empty() ? "" : ", ", quote(other.name), other.type);
  throw Error(fmt::format("there is no tensor {}; there is {}", quote(name), names.empty() ? "none at all" : names));
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
  const auto source = open_file(path);
  if (looks_like_npy(*source)) return {{parse_npy(*source, path.stem().string())}, {}};
  if (looks_like_safetensors(*source)) return parse_safetensors(*source);
  refuse_foreign(*source);
  source->fail("neither a .npy nor a .safetensors file: it must begin with \\x93NUMPY, or have '{' as its ninth byte");
}

}  // namespace llsa::files
