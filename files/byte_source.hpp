#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llsa::files {

/// Bytes of known number, from a file or from memory, for the parsers. `name` begins every message.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }

  /// Fills `to` from `offset` on. Throws `Error` when that reaches beyond the end.
  void read(std::uint64_t offset, std::span<std::byte> to) const;
  /// The same into new memory, taken only after the range was checked. Throws `Error` also when memory runs out.
  std::vector<std::byte> read(std::uint64_t offset, std::uint64_t count) const;
  /// Throws `Error`: name, then what is wrong.
  [[noreturn]] void fail(const std::string& what) const;

 protected:
  ByteSource(std::string name, std::uint64_t size) : name_(std::move(name)), size_(size) {}
  void set_size(std::uint64_t size) { size_ = size; }

 private:
  virtual void do_read(std::uint64_t offset, std::span<std::byte> to) const = 0;

  std::string name_;
  std::uint64_t size_;
};

/// Throws `Error` when the file cannot be opened or is not a regular file.
std::unique_ptr<ByteSource> open_file(const std::filesystem::path& path);
/// A view; the bytes must outlive it.
std::unique_ptr<ByteSource> view_memory(std::span<const std::byte> bytes, std::string name);

/// All bytes of a file of at most `limit` bytes.
std::vector<std::byte> read_whole_file(const std::filesystem::path& path, std::uint64_t limit);

}  // namespace llsa::files
