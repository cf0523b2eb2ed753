#include "program/output_path.hpp"

#include "llsa/error.hpp"

namespace llsa::program {

void require_writable(const std::filesystem::path& path) {
  if (path.empty()) return;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder))
    throw Error("cannot write " + path.string() + ": there is no folder " + folder.string());
  if (std::filesystem::is_directory(path)) throw Error("cannot write " + path.string() + ": it is a folder");
}

}  // namespace llsa::program
