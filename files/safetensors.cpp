#include "files/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <tuple>

#include "files/atomic_file.hpp"
#include "files/byte_source.hpp"
#include "files/foreign_format.hpp"
#include "files/safetensors_format.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

/// Every entry of a type that is read has the bytes its shape takes, and together they cover the data, which is `size`
/// bytes long, exactly once.
void check_layout(std::vector<SafetensorsEntry>& entries, std::uint64_t size) {
  std::ranges::stable_sort(entries, {}, [](const SafetensorsEntry& e) { return std::tuple(e.begin, e.end); });
  std::uint64_t covered = 0;
  for (const SafetensorsEntry& e : entries) {
    const auto refuse = [&e](const std::string& what) {
      throw Error(fmt::format("tensor {}: data_offsets [{}, {}] {}", quote(e.name), e.begin, e.end, what));
    };
    if (e.begin > e.end) refuse("run backwards");
    if (e.end > size) refuse(fmt::format("reach beyond the data, which is {} bytes long", size));
    if (e.type) {
      std::uint64_t wanted = 0;
      try {
        wanted = static_cast<std::uint64_t>(checked_element_count(e.shape, size_of(*e.type))) * size_of(*e.type);
      } catch (const Error& error) {
        throw Error(fmt::format("tensor {}: {}", quote(e.name), error.what()));
      }
      if (e.end - e.begin != wanted)
        refuse(fmt::format("span {} bytes; shape {} of {} takes {}", e.end - e.begin, describe_shape(e.shape),
                           name_of(*e.type), wanted));
    }
    if (e.begin < covered) refuse(fmt::format("overlap the tensor before, which ends at {}", covered));
    if (e.begin > covered) refuse(fmt::format("leave a hole from {}", covered));
    covered = e.end;
  }
  if (covered != size) throw Error(fmt::format("{} bytes after the data of the last tensor", size - covered));
}

std::uint64_t header_length(const ByteSource& source) {
  constexpr std::uint64_t prefix = 8;
  if (source.size() < prefix)
    source.fail(
        fmt::format("not a .safetensors file: {} bytes; it must begin with 8 bytes of header length", source.size()));
  std::array<std::byte, prefix> bytes;
  source.read(0, bytes);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), prefix);
  if (length > max_safetensors_header)
    source.fail(fmt::format("the header claims {} bytes; at most {} are allowed", length, max_safetensors_header));
  if (length > source.size() - prefix)
    source.fail(fmt::format("the header claims {} bytes from byte 8; the file has {} bytes", length, source.size()));
  return length;
}

}  // namespace

bool looks_like_safetensors(const ByteSource& source) {
  std::array<std::byte, 1> first;
  if (source.size() < 9) return false;
  source.read(8, first);
  return first[0] == std::byte{'{'};
}

TensorFile parse_safetensors(const ByteSource& source) {
  const std::uint64_t length = header_length(source), data = 8 + length;
  if (!looks_like_safetensors(source)) source.fail("not a .safetensors file: the header must begin with '{' at byte 8");
  const auto text = source.read(8, length);
  SafetensorsHeader header;
  try {
    header = parse_safetensors_header({reinterpret_cast<const char*>(text.data()), text.size()});
    check_layout(header.entries, source.size() - data);
  } catch (const Error& error) {
    source.fail(error.what());
  }
  TensorFile file{{}, std::move(header.metadata), {}};
  file.tensors.reserve(header.entries.size());
  for (SafetensorsEntry& e : header.entries) {
    if (e.type)
      file.tensors.emplace_back(std::move(e.name), *e.type, std::move(e.shape),
                                source.read(data + e.begin, e.end - e.begin));
    else
      file.unread.push_back({std::move(e.name), std::move(e.type_name)});
  }
  return file;
}

TensorFile parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  return parse_safetensors(*view_memory(file, name));
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  const auto source = open_file(path);
  if (!looks_like_safetensors(*source)) refuse_foreign(*source);
  return parse_safetensors(*source);
}

namespace {

/// Without the tensors; empty for whatever is no such file.
SafetensorsHeader read_header(const std::filesystem::path& path) {
  try {
    const auto source = open_file(path);
    if (!looks_like_safetensors(*source)) return {};
    const auto text = source->read(8, header_length(*source));
    return parse_safetensors_header({reinterpret_cast<const char*>(text.data()), text.size()});
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  return read_header(path).metadata;
}

std::vector<std::string> read_safetensors_names(const std::filesystem::path& path) {
  SafetensorsHeader header = read_header(path);
  std::ranges::stable_sort(header.entries, {}, &SafetensorsEntry::begin);
  std::vector<std::string> names;
  for (const SafetensorsEntry& entry : header.entries) names.push_back(entry.name);
  return names;
}

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const NamedTensor* t) { return size_of(t->type()); });
  SafetensorsHeader header{{}, metadata};
  std::set<std::string_view> names;
  std::uint64_t offset = 0;
  const auto refuse = [&path](const std::string& what) { throw Error(path.string() + ": " + what); };
  for (const NamedTensor* t : order) {
    if (!names.insert(t->name()).second) refuse(fmt::format("two tensors are named {}", quote(t->name())));
    if (t->name() == "__metadata__") refuse("a tensor is named '__metadata__', which the format reserves");
    header.entries.push_back({.name = t->name(),
                              .type = t->type(),
                              .shape = t->shape(),
                              .begin = offset,
                              .end = offset + t->bytes().size()});
    offset += t->bytes().size();
  }
  std::string text;
  try {
    text = format_safetensors_header(header);
  } catch (const Error& error) {
    refuse(error.what());
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > max_safetensors_header)
    refuse(fmt::format("the header takes {} bytes; at most {} are allowed", text.size(), max_safetensors_header));
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const NamedTensor* t : order) file.write(t->bytes());
  file.commit();
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  write_safetensors(path, file.tensors, file.metadata);
}

}  // namespace llsa::files
