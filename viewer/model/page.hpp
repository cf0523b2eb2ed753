#pragma once

#include <filesystem>
#include <string>

#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// One HTML file that shows side A's head without this program or a server: the picture with the selected blocks, the
/// weights and the numbers, for queries evenly spread over the grid and the current one. A pointer on the picture
/// chooses the nearest of them; levels are switched on and off. At most `most_page_queries`, fewer where their key sets
/// are long, so that a page stays below some ten megabytes. Throws `Error` before there is a result.
std::string html_page(const Workspace& workspace);
inline constexpr std::int64_t most_page_queries = 400;

/// Writes it by the path's ending (.html), complete or not at all. Throws `Error` for another ending.
void export_page(const std::filesystem::path& path, const Workspace& workspace);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace llsa::viewer
