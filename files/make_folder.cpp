#include "files/make_folder.hpp"

#include <fmt/format.h>

#include "llsa/error.hpp"

namespace llsa::files {

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder))
    throw Error(fmt::format("cannot make the folder {}: {}", folder.string(),
                            error ? error.message() : "a file has that name"));
}

}  // namespace llsa::files
