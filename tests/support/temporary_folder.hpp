#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace llsa::room {

/// A new folder for one test, removed with all it holds at the end. Throws `Error` when none can be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  /// Names in the folder, hidden ones too, sorted.
  std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

/// Makes the folders above as well.
void write_text(const std::filesystem::path& path, const std::string& text);
/// All bytes of a file; empty when there is none.
std::string read_text(const std::filesystem::path& path);

}  // namespace llsa::room
