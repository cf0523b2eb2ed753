#pragma once

#include <filesystem>

namespace llsa::files {

/// Makes a folder and those above it; one that is there already is left as it is. Throws `Error` that begins with the
/// path and says why it cannot.
void make_folder(const std::filesystem::path& folder);

}  // namespace llsa::files
