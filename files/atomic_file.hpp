#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace llsa::files {

/// A file that appears complete or not at all: bytes go to a temporary file in the same folder, which `commit` flushes
/// to the disk and renames over the target. Without `commit` the temporary file is removed and the target is untouched.
/// Every member throws `Error` that begins with the target's path. Not for devices or pipes: those are refused.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  [[noreturn]] void fail(const char* what, int error) const;

  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;
};

/// Throws what writing `path` would throw at its beginning: it is no name of a regular file, or its folder does not
/// exist or may not be written. Changes nothing; for asking before long work.
void expect_writable(const std::filesystem::path& path);

/// Removes from a folder, if it exists, the temporary files of writers that were killed. Those of a process that lives
/// are left alone.
void remove_unfinished_files(const std::filesystem::path& folder);

/// One call for a file that is in memory already.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace llsa::files
