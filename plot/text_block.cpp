#include "plot/text_block.hpp"

#include <algorithm>
#include <utility>

namespace llsa::plot {
namespace {

constexpr double line_spacing = 1.35, swatch_width = 18, swatch_gap = 6, entry_gap = 18;

struct LegendRow {
  std::span<const LegendEntry> entries;
  double width = 0;
};

double entry_width(const Canvas& canvas, const LegendEntry& entry, double text_size) {
  return swatch_width + swatch_gap + canvas.text_width(entry.label, {.size = text_size});
}

std::vector<LegendRow> rows_of(const Canvas& canvas, double width, std::span<const LegendEntry> entries, double size) {
  std::vector<LegendRow> rows;
  std::size_t begin = 0;
  double used = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const double next = entry_width(canvas, entries[i], size);
    if (i > begin && used + entry_gap + next > width) {
      rows.push_back({entries.subspan(begin, i - begin), used});
      begin = i;
    }
    used = i == begin ? next : used + entry_gap + next;
  }
  if (begin < entries.size()) rows.push_back({entries.subspan(begin), used});
  return rows;
}

/// Smaller than asked for when the longest entry would not fit the width.
double fitted_size(const Canvas& canvas, double width, std::span<const LegendEntry> entries, double text_size) {
  double longest = 1;
  for (const LegendEntry& entry : entries)
    longest = std::max(longest, canvas.text_width(entry.label, {.size = text_size}));
  return text_size * std::clamp((width - swatch_width - swatch_gap) / longest, 0.3, 1.0);
}

void draw_mark(Canvas& canvas, Point left, const LegendEntry& entry) {
  switch (entry.mark) {
    case LegendEntry::Mark::line:
      canvas.line(left, {left.x + swatch_width, left.y}, {entry.color, 2, entry.dashes});
      break;
    case LegendEntry::Mark::ring:
      canvas.ring({left.x + swatch_width / 2, left.y}, 4.5, {entry.color, 1.8, {}});
      break;
    case LegendEntry::Mark::swatch:
      const Rect swatch{left.x + 3, left.y - 5, swatch_width - 6, 10};
      canvas.fill(swatch, entry.color.with_alpha(0.45));
      canvas.stroke(swatch, {entry.color, 1.5, {}});
  }
}

}  // namespace

std::vector<std::string> wrap(const Canvas& canvas, std::string_view text, double width, const TextStyle& style) {
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] { lines.push_back(std::exchange(line, {})); };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word(text.substr(at, end - at));
    if (!line.empty() && canvas.text_width(line + " " + word, style) > width) flush();
    if (!word.empty()) line += (line.empty() ? "" : " ") + word;
    if (end < text.size() && text[end] == '\n') flush();
    at = end + 1;
  }
  if (!line.empty()) flush();
  return lines;
}

double text_height(const Canvas& canvas, std::string_view text, double width, const TextStyle& style) {
  return line_spacing * style.size * static_cast<double>(wrap(canvas, text, width, style).size());
}

double draw_text(Canvas& canvas, const Rect& area, std::string_view text, const TextStyle& style) {
  TextStyle line_style = style;
  line_style.vertical = VAlign::baseline;
  double x = area.x;
  if (style.horizontal == HAlign::center) x = area.center().x;
  if (style.horizontal == HAlign::right) x = area.right();
  double y = area.y;
  for (const std::string& line : wrap(canvas, text, area.width, style)) {
    canvas.text(line, {x, y + style.size}, line_style);
    y += line_spacing * style.size;
  }
  return y - area.y;
}

double legend_height(const Canvas& canvas, double width, std::span<const LegendEntry> entries, double text_size) {
  text_size = fitted_size(canvas, width, entries, text_size);
  return 1.6 * text_size * static_cast<double>(rows_of(canvas, width, entries, text_size).size());
}

double draw_legend(Canvas& canvas, const Rect& area, std::span<const LegendEntry> entries, double text_size) {
  text_size = fitted_size(canvas, area.width, entries, text_size);
  double y = area.y;
  for (const LegendRow& row : rows_of(canvas, area.width, entries, text_size)) {
    double x = area.x + std::max(0.0, (area.width - row.width) / 2);
    const double middle = y + 0.8 * text_size;
    for (const LegendEntry& entry : row.entries) {
      draw_mark(canvas, {x, middle}, entry);
      canvas.text(entry.label, {x + swatch_width + swatch_gap, middle},
                  {.size = text_size, .vertical = VAlign::middle});
      x += entry_width(canvas, entry, text_size) + entry_gap;
    }
    y += 1.6 * text_size;
  }
  return y - area.y;
}

}  // namespace llsa::plot
