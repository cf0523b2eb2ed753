#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "datasets/dataset.hpp"
#include "files/apng.hpp"
#include "files/byte_source.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::datasets {
namespace {

namespace fs = std::filesystem;
/// By path below the folder, with '/' between parts.
using Labels = std::map<std::string, int>;

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

/// What no person put there as pictures of a class: hidden, or left behind by archives, file servers and Windows.
bool is_system(const fs::path& name) {
  static const std::set<std::string> left_behind = {
      "__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information", "__pycache__"};
  const std::string text = name.string();
  return text.starts_with('.') || left_behind.contains(text);
}

/// Adds every picture below `folder`, relative to the root. `seen` holds the real paths of folders: links may form a
/// circle.
void collect(const fs::path& folder, const fs::path& below, std::set<fs::path>& seen, std::vector<std::string>& files) {
  if (!seen.insert(fs::canonical(folder)).second) return;
  std::vector<fs::path> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);  // which of two links to one folder counts must not depend on the file system
  for (const fs::path& name : names) {
    if (is_system(name)) continue;
    std::error_code dangling;
    const fs::file_status status = fs::status(folder / name, dangling);
    if (fs::is_directory(status))
      collect(folder / name, below / name, seen, files);
    else if (fs::is_regular_file(status) && is_picture(name))
      files.push_back((below / name).generic_string());
  }
}

/// StyleGAN's dataset.json: {"labels": [["00000/img00000000.png", 6], ...]}, or null for a set without labels.
std::optional<Labels> read_dataset_json(const fs::path& path) {
  constexpr std::uint64_t largest_file = std::uint64_t{1} << 28;
  constexpr std::int64_t most_classes = 1'000'000;
  const auto bytes = files::read_whole_file(path, largest_file);
  const auto refuse = [&](const std::string& what) { throw Error(path.string() + ": " + what); };
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(reinterpret_cast<const char*>(bytes.data()),
                                 reinterpret_cast<const char*>(bytes.data()) + bytes.size());
  } catch (const nlohmann::json::parse_error& error) {
    refuse(fmt::format("not valid JSON at byte {}", error.byte));
  }
  if (!json.is_object() || !json.contains("labels")) refuse("it must be an object with 'labels'");
  const nlohmann::json& list = json["labels"];
  if (list.is_null()) return std::nullopt;
  if (!list.is_array()) refuse("'labels' must be null or a list of [path, label]");
  Labels labels;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const nlohmann::json& pair = list[i];
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_integer())
      refuse(fmt::format("entry {} of 'labels' must be [path, integer]", i));
    const auto label = pair[1].get<std::int64_t>();
    if (label < 0 || label >= most_classes)
      refuse(fmt::format("entry {} of 'labels' has label {}; it must be 0 to {}", i, pair[1].dump(), most_classes - 1));
    if (!labels.emplace(pair[0].get<std::string>(), static_cast<int>(label)).second)
      refuse(fmt::format("entry {} of 'labels': {} appears twice", i, quote(pair[0].get<std::string>())));
  }
  return labels;
}

class ImageFolder final : public Dataset {
 public:
  ImageFolder(const fs::path& folder, const std::vector<std::string>& known) : folder_(folder) {
    try {
      std::set<fs::path> seen;
      collect(folder, {}, seen, files_);
    } catch (const fs::filesystem_error& error) {
      throw Error(fmt::format("{}: the folder cannot be read: {}", error.path1().string(), error.code().message()));
    }
    if (files_.empty())
      throw Error(fmt::format("{}: there is no picture (.png, .jpg, .jpeg) in this folder or below", folder.string()));
    std::ranges::sort(files_);
    if (const fs::path json = folder / "dataset.json"; fs::exists(json))
      take_labels(json);
    else
      take_folders(known);
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::string source(std::int64_t index) const override { return (folder_ / file(index)).string(); }

 private:
  const std::string& file(std::int64_t index) const { return files_[static_cast<std::size_t>(index)]; }

  void take_labels(const fs::path& json) {
    const auto labels = read_dataset_json(json);
    if (!labels) return;
    int count = 0;
    for (const std::string& name : files_) {
      const auto found = labels->find(name);
      if (found == labels->end()) throw Error(fmt::format("{}: there is no label for {}", json.string(), quote(name)));
      labels_.push_back(found->second);
      count = std::max(count, found->second + 1);
    }
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
    set_classes(std::move(names));
  }

  void take_folders(const std::vector<std::string>& known) {
    std::map<std::string, int> folders;
    const auto first_part = [](const std::string& name) { return name.substr(0, name.find('/')); };
    for (const std::string& name : files_) {
      if (name.find('/') == std::string::npos) return;
      folders.emplace(first_part(name), 0);
    }
    constexpr std::size_t shard_digits = 5;
    const auto is_shard = [](const auto& folder) {
      return folder.first.size() == shard_digits &&
             std::ranges::all_of(folder.first, [](unsigned char c) { return std::isdigit(c); });
    };
    const auto is_known = [&](const auto& folder) { return std::ranges::count(known, folder.first) > 0; };
    // A single folder is a class only where classes are known; it is refused by name then, if it is none of them.
    const bool may_be_one_class = !known.empty() || folders.size() > 1;
    if (std::ranges::none_of(folders, is_known) && (!may_be_one_class || std::ranges::all_of(folders, is_shard)))
      return;
    std::vector<std::string> names;
    for (auto& [name, label] : folders) {
      label = static_cast<int>(names.size());
      names.push_back(name);
    }
    for (const std::string& name : files_) labels_.push_back(folders.at(first_part(name)));
    set_classes(std::move(names));
  }

  Sample load(std::int64_t index, const files::PictureExtent& extent) const override {
    Sample sample{{}, labels_.empty() ? -1 : labels_[static_cast<std::size_t>(index)]};
    if (extent.is_picture())
      sample.frames.push_back(files::read_image(folder_ / file(index)));
    else
      sample.frames = files::read_frames(folder_ / file(index));
    const auto wanted = static_cast<std::size_t>(extent.frames);
    if (sample.frames.size() < wanted)
      throw Error(fmt::format("{}: has {} frames; a video here has {}", source(index), sample.frames.size(), wanted));
    sample.frames.resize(wanted);
    return sample;
  }

  /// The first file speaks for all; one that is no animation is passed over as unreadable.
  bool has_videos() const override {
    std::call_once(asked_, [this] { has_videos_ = files::read_frames(folder_ / file(0)).size() > 1; });
    return has_videos_;
  }

  fs::path folder_;
  std::vector<std::string> files_;  ///< relative to the folder
  std::vector<int> labels_;         ///< one for each file, or none
  mutable std::once_flag asked_;
  mutable bool has_videos_ = false;
};

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const fs::path& folder, const std::vector<std::string>& known) {
  return std::make_unique<ImageFolder>(folder, known);
}

}  // namespace llsa::datasets
