#include "files/make_folder.hpp"

#include <fmt/format.h>

#include <system_error>

#include "llsa/error.hpp"

namespace llsa::files {

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::error_code ignored;
  if (error || !std::filesystem::is_directory(folder, ignored))
    throw Error(fmt::format("{}: the folder cannot be made: {}", folder.string(),
                            error ? error.message() : "a file has that name"));
}

}  // namespace llsa::files
