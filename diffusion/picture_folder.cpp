#include "diffusion/picture_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "files/atomic_file.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace fs = std::filesystem;
namespace {

constexpr const char* record_name = "made.json";

bool is_numbered_picture(std::string_view name) {
  constexpr std::string_view end = ".png";
  if (name.size() < 6 + end.size() || !name.ends_with(end)) return false;
  name.remove_suffix(end.size());
  const auto is_number = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::size_t dash = std::min(name.find('-'), name.size());
  return dash >= 6 && is_number(name.substr(0, dash)) && (dash == name.size() || is_number(name.substr(dash + 1)));
}

/// What was recorded, null where nothing was.
nlohmann::json recorded_in(const fs::path& folder) {
  const fs::path file = folder / record_name;
  if (!fs::exists(file)) return {};
  std::ifstream in(file);
  const nlohmann::json record = nlohmann::json::parse(in, nullptr, false);
  if (!record.is_object()) throw Error(fmt::format("{}: is not the record of a folder of pictures", file.string()));
  return record;
}

void expect_same(const fs::path& folder, const nlohmann::json& record, const nlohmann::json& made_with) {
  for (const nlohmann::json* side : {&made_with, &record})
    for (const auto& [key, value] : side->items()) {
      const nlohmann::json before = record.value(key, nlohmann::json()), now = made_with.value(key, nlohmann::json());
      if (before == now) continue;
      throw Error(fmt::format("{}: its pictures were made with {} {}, not {}; take another folder", folder.string(),
                              key, before.dump(), now.dump()));
    }
}

}  // namespace

PictureFolder::PictureFolder(fs::path folder, const nlohmann::json& made_with, std::int64_t frames)
    : folder_(std::move(folder)), lock_(folder_, "a program that makes pictures"), frames_(frames) {
  files::remove_unfinished_files(folder_);
  const nlohmann::json record = recorded_in(folder_);
  if (!record.is_null()) {
    expect_same(folder_, record, made_with);
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
    if (is_numbered_picture(entry.path().filename().string()))
      throw Error(fmt::format("{}: has pictures already ({}), and no {} that says what they were made with",
                              folder_.string(), entry.path().filename().string(), record_name));
  files::write_file_atomically(folder_ / record_name, made_with.dump(2) + "\n");
}

bool PictureFolder::has(std::int64_t number) const {
  for (std::int64_t frame = 0; frame < frames_; ++frame)
    if (!fs::exists(path_of(number, frame))) return false;
  return true;
}

void PictureFolder::write(std::int64_t number, std::span<const files::Image> frames) const {
  for (std::int64_t frame = 0; frame < frames_; ++frame)
    files::write_png(path_of(number, frame), frames[static_cast<std::size_t>(frame)]);
}

bool PictureFolder::is_own(std::string_view name) { return name == record_name || is_numbered_picture(name); }

fs::path PictureFolder::path_of(std::int64_t number, std::int64_t frame) const {
  return folder_ / (frames_ == 1 ? fmt::format("{:06d}.png", number) : fmt::format("{:06d}-{:03d}.png", number, frame));
}

}  // namespace llsa::diffusion
