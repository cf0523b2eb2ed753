#pragma once

#include <filesystem>

namespace llsa::program {

/// Before minutes of work: can the file be made at all? Throws `Error` when its folder does not exist or the path is a
/// folder. An empty path, no file wanted, is fine.
void require_writable(const std::filesystem::path& path);

}  // namespace llsa::program
