#include "compare/text_table.hpp"

#include <algorithm>

namespace llsa::compare {

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    if (row.front() == note_mark) continue;
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    if (row.front() == note_mark)
      line = "    " + row[1];
    else
      for (std::size_t c = 0; c < row.size(); ++c)
        line += (c > 0 ? "  " : "") + row[c] + std::string(widths[c] - row[c].size(), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace llsa::compare
