#include "program/command_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "files/atomic_file.hpp"
#include "llsa/error.hpp"

namespace llsa::program {
namespace fs = std::filesystem;
namespace {

/// Absolute, links followed as far as the path exists.
fs::path canonical_of(const fs::path& path) {
  std::error_code problem;
  fs::path result = fs::weakly_canonical(fs::absolute(path, problem), problem);
  return problem ? path.lexically_normal() : result;
}

/// Whether `path` lies somewhere below `folder`, or is it.
bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path whole = canonical_of(path), above = canonical_of(folder);
  return std::mismatch(above.begin(), above.end(), whole.begin(), whole.end()).first == above.end();
}

std::string name_of(const std::string& option, const fs::path& path) {
  return fmt::format("{} {}", option, path.string());
}

}  // namespace

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code problem;
  if (fs::equivalent(a, b, problem) && !problem) return true;
  return canonical_of(a) == canonical_of(b);
}

void CommandFiles::reads(std::string option, fs::path path) {
  if (!path.empty()) inputs_.push_back({std::move(option), std::move(path)});
}

void CommandFiles::writes(std::string option, fs::path path) {
  if (!path.empty() && path != "-") outputs_.push_back({std::move(option), std::move(path)});
}

void CommandFiles::writes_into(std::string option, fs::path folder, std::function<bool(std::string_view)> is_written) {
  if (!folder.empty()) folders_.push_back({{std::move(option), std::move(folder)}, std::move(is_written)});
}

void CommandFiles::check_against_inputs(const Named& output, const fs::path& file) const {
  std::error_code problem;
  for (const Named& input : inputs_) {
    if (same_file(input.path, file))
      throw Error(fmt::format("{} would replace what {} reads; write to another file", name_of(output.option, file),
                              name_of(input.option, input.path)));
    if (fs::is_directory(input.path, problem) && fs::exists(file, problem) && lies_in(file, input.path))
      throw Error(fmt::format("{} lies in the folder that {} reads; write to another file",
                              name_of(output.option, file), name_of(input.option, input.path)));
  }
}

void CommandFiles::check() const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Named& output = outputs_[i];
    check_against_inputs(output, output.path);
    for (std::size_t other = 0; other < i; ++other)
      if (same_file(output.path, outputs_[other].path))
        throw Error(fmt::format("{} and {} are the same file; give two",
                                name_of(outputs_[other].option, outputs_[other].path),
                                name_of(output.option, output.path)));
    files::expect_writable(output.path);
  }
  for (const Folder& folder : folders_) {
    std::error_code problem;
    if (fs::exists(folder.path, problem) && !fs::is_directory(folder.path, problem))
      throw Error(fmt::format("{} is a file; a folder is needed", name_of(folder.option, folder.path)));
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.path, problem))
      if (folder.is_written(entry.path().filename().string())) check_against_inputs(folder, entry.path());
    // Even an empty folder fills with pictures that the next run would take for data.
    for (const Named& input : inputs_)
      if (fs::is_directory(input.path, problem) && lies_in(folder.path, input.path))
        throw Error(fmt::format("{} lies in the folder that {} reads; write to another folder",
                                name_of(folder.option, folder.path), name_of(input.option, input.path)));
  }
}

}  // namespace llsa::program
