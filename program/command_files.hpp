#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace llsa::program {

/// The files that a command was told to read and to write. All are named first and checked once, before any work
/// begins, so that no output ever replaces an input and no minutes are spent on what cannot be written. Options are
/// named as the user types them ("--json"); an empty path is an option that was not given.
class CommandFiles {
 public:
  /// A file, or a folder with everything in it.
  void reads(std::string option, std::filesystem::path path);
  /// A file that will be made or replaced. "-", standard output where an option allows it, is none.
  void writes(std::string option, std::filesystem::path path);
  /// A folder that will be made where it is missing, and in it the files whose names `is_written` accepts.
  void writes_into(std::string option, std::filesystem::path folder,
                   std::function<bool(std::string_view name)> is_written);

  /// Throws `Error` when an output is an input, or lies in a folder that is one and exists; when two outputs are the
  /// same file; and when an output cannot be made: its folder is missing or closed to the user, or it is no regular
  /// file. Files are the same when their canonical paths are, or their device and inode: links of both kinds are seen.
  void check() const;

 private:
  struct Named {
    std::string option;
    std::filesystem::path path;
  };
  struct Folder : Named {
    std::function<bool(std::string_view)> is_written;
  };

  void check_against_inputs(const Named& output, const std::filesystem::path& file) const;

  std::vector<Named> inputs_, outputs_;
  std::vector<Folder> folders_;
};

/// Whether two paths mean one file: by device and inode where both exist, else by canonical path.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace llsa::program
