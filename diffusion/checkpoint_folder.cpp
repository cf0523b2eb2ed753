#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "diffusion/checkpoint.hpp"
#include "files/atomic_file.hpp"
#include "files/make_folder.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace fs = std::filesystem;

fs::path CheckpointFolder::path_of(std::int64_t step) const {
  return folder_ / fmt::format("step-{:08d}.safetensors", step);
}

std::vector<std::int64_t> CheckpointFolder::steps() const {
  static const std::regex pattern("step-([0-9]{8,18})\\.safetensors");
  std::vector<std::int64_t> found;
  std::error_code missing;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, missing)) {
    std::smatch match;
    const std::string name = entry.path().filename().string();
    if (std::regex_match(name, match, pattern)) found.push_back(std::stoll(match[1]));
  }
  std::sort(found.begin(), found.end());
  return found;
}

void CheckpointFolder::save(const TrainConfig& config, const TrainState& state, int keep) const {
  files::make_folder(folder_);
  files::remove_unfinished_files(folder_);
  save_checkpoint(path_of(state.step), config, state);
  const std::vector<std::int64_t> all = steps();
  std::error_code problem;
  for (std::size_t i = 0; i + std::size_t(keep) < all.size(); ++i) fs::remove(path_of(all[i]), problem);
}

std::optional<Checkpoint> CheckpointFolder::newest(std::vector<std::string>& skipped) const {
  std::vector<std::int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    try {
      return load_checkpoint(path_of(*step));
    } catch (const Error& problem) {
      skipped.push_back(problem.what());
    }
  }
  if (!skipped.empty()) throw Error(skipped.front());
  return std::nullopt;
}

}  // namespace llsa::diffusion
