#include "compare/markdown_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace llsa::compare {
namespace {

/// Characters, not bytes, of UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string markdown_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < header.size(); ++column) {
    widths.push_back(std::max<std::size_t>(width_of(header[column]), 3));
    for (const auto& row : rows) widths[column] = std::max(widths[column], width_of(row[column]));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string result = "|";
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string padding(widths[column] - width_of(cells[column]), ' ');
      result += column == 0 ? " " + cells[column] + padding + " |" : " " + padding + cells[column] + " |";
    }
    return result + "\n";
  };
  std::string result = line(header) + "|";
  for (std::size_t column = 0; column < header.size(); ++column)
    result +=
        column == 0 ? ":" + std::string(widths[column] + 1, '-') + "|" : std::string(widths[column] + 1, '-') + ":|";
  result += "\n";
  for (const auto& row : rows) result += line(row);
  return result;
}

std::string format_seconds(double seconds) {
  if (!(seconds > 0)) return "0 s";
  constexpr struct {
    double size;
    const char* name;
  } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  for (const auto& unit : units) {
    const double value = seconds / unit.size;
    if (value < 0.9995 && unit.size > 1e-9) continue;
    const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f} {}", value, decimals, unit.name);
  }
  return "0 s";
}

}  // namespace llsa::compare
