#pragma once

#include <string>
#include <vector>

namespace llsa::compare {

/// Rows of cells under a header, columns padded to the same width, two spaces between them.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// A line of its own below the last row, indented.
  void add_note(std::string text) { rows_.push_back({note_mark, std::move(text)}); }
  std::string text() const;

 private:
  static constexpr const char* note_mark = "\n";  // no cell holds a line break
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace llsa::compare
