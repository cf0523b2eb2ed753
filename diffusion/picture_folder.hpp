#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "files/folder_lock.hpp"
#include "files/image.hpp"

namespace llsa::diffusion {

/// A folder of numbered pictures, 000000.png and so on, or of videos, the frames of each 000000-000.png, 000000-001.png
/// and so on, that is written over many runs of a program: a file is whole or not there, and `made.json` keeps what all
/// of them were made with, so that no run mixes in others. One process at a time.
class PictureFolder {
 public:
  /// `made_with` is one JSON object. Throws `Error` that begins with the folder when its pictures were made with
  /// anything else (naming the first setting that differs), when it has numbered pictures of which nothing is known, or
  /// when it cannot be written.
  PictureFolder(std::filesystem::path folder, const nlohmann::json& made_with, std::int64_t frames = 1);

  /// Whether all frames of it are there.
  bool has(std::int64_t number) const;
  /// As many frames as were announced.
  void write(std::int64_t number, std::span<const files::Image> frames) const;

  /// Whether a file of this name is one that such a folder has.
  static bool is_own(std::string_view name);

 private:
  std::filesystem::path path_of(std::int64_t number, std::int64_t frame) const;

  std::filesystem::path folder_;
  files::FolderLock lock_;
  std::int64_t frames_;
};

}  // namespace llsa::diffusion
