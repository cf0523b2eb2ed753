#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "files/folder_lock.hpp"
#include "files/image.hpp"

namespace llsa::diffusion {

/// A folder of numbered pictures, 000000.png and so on, that is written over many runs of a program: a picture is whole
/// or not there, and `made.json` keeps what all of them were made with, so that no run mixes in others. One process at
/// a time.
class PictureFolder {
 public:
  /// `made_with` is one JSON object. Throws `Error` that begins with the folder when its pictures were made with
  /// anything else (naming the first setting that differs), when it has numbered pictures of which nothing is known, or
  /// when it cannot be written.
  PictureFolder(std::filesystem::path folder, const nlohmann::json& made_with);

  bool has(std::int64_t number) const;
  void write(std::int64_t number, const files::Image& picture) const;

  /// Whether a file of this name is one that such a folder has.
  static bool is_own(std::string_view name);

 private:
  std::filesystem::path path_of(std::int64_t number) const;

  std::filesystem::path folder_;
  files::FolderLock lock_;
};

}  // namespace llsa::diffusion
