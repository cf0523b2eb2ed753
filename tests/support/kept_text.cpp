#include "support/kept_text.hpp"

#include <cstdlib>
#include <sstream>

#include "support/temporary_folder.hpp"

namespace llsa::room {

std::string differs_from_kept(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(LLSA_KEPT_TEXTS) / (name + ".txt");
  if (const char* keep = std::getenv("LLSA_KEEP"); keep && *keep) {
    std::filesystem::create_directories(path.parent_path());
    write_text(path, text);
    return {};
  }
  std::istringstream made(text), kept(read_text(path));
  for (int number = 1;; ++number) {
    std::string ours, theirs;
    const bool more = static_cast<bool>(std::getline(made, ours)),
               expected = static_cast<bool>(std::getline(kept, theirs));
    if (!more && !expected) return {};
    if (more != expected || ours != theirs)
      return path.string() + ", line " + std::to_string(number) + ": " + (expected ? theirs : "(the end)") +
             "\nnow: " + (more ? ours : "(the end)") + "\nLLSA_KEEP=1 keeps what is drawn now";
  }
}

}  // namespace llsa::room
