#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plot/canvas.hpp"

namespace llsa::plot {

/// Breaks `text` at spaces (and always at '\n') into lines at most `width` wide; a longer word gets a line of its own.
std::vector<std::string> wrap(const Canvas& canvas, std::string_view text, double width, const TextStyle& style);

/// Draws wrapped text downwards from the top edge of `area`; `style.horizontal` aligns the lines within it.
/// Returns the height used: what `text_height` says.
double draw_text(Canvas& canvas, const Rect& area, std::string_view text, const TextStyle& style);
double text_height(const Canvas& canvas, std::string_view text, double width, const TextStyle& style);

/// One entry of a legend: a mark and its name.
struct LegendEntry {
  enum class Mark { swatch, line, ring };
  std::string label;
  Color color;
  Mark mark = Mark::swatch;
  std::vector<double> dashes = {};  ///< of a line
};

/// Draws entries from left to right, broken into as many rows as the width asks for, each centred; text shrinks when
/// one entry alone is wider than that. Returns the height used, which `legend_height` says beforehand.
double draw_legend(Canvas& canvas, const Rect& area, std::span<const LegendEntry> entries, double text_size = 10);
double legend_height(const Canvas& canvas, double width, std::span<const LegendEntry> entries, double text_size = 10);

}  // namespace llsa::plot
