#pragma once

#include <string>
#include <vector>

namespace llsa::compare {

/// A Markdown table whose columns also line up as plain text: the first flush left, the others flush right. Every row
/// has as many cells as the header.
std::string markdown_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

/// A duration with three significant digits and its unit: "853 us", "12.3 ms", "4.56 s".
std::string format_seconds(double seconds);

}  // namespace llsa::compare
