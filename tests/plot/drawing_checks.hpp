#pragma once

#include <string>
#include <vector>

#include "plot/canvas.hpp"

namespace llsa::plot {

/// True when the outermost pixels are all white: nothing, text above all, is cut off at the edge.
inline bool edge_is_clear(const Canvas& canvas, double scale) {
  const Image image = canvas.render(scale);
  for (int x = 0; x < image.width; ++x)
    if (pixel(image, x, 0) != rgb(0xffffff) || pixel(image, x, image.height - 1) != rgb(0xffffff)) return false;
  for (int y = 0; y < image.height; ++y)
    if (pixel(image, 0, y) != rgb(0xffffff) || pixel(image, image.width - 1, y) != rgb(0xffffff)) return false;
  return true;
}

inline Rgb color_at(const Image& image, Point at) {
  return pixel(image, static_cast<int>(at.x), static_cast<int>(at.y));
}

inline bool close(Rgb a, Rgb b, int tolerance = 3) {
  return std::abs(a.r - b.r) <= tolerance && std::abs(a.g - b.g) <= tolerance && std::abs(a.b - b.b) <= tolerance;
}

/// Every element is closed in the order it was opened, every attribute quoted: empty when so, else what is wrong.
inline std::string xml_fault(const std::string& text) {
  std::vector<std::string> open;
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at)) {
    std::size_t end = at + 1;
    for (char quote = 0; end < text.size() && (quote != 0 || text[end] != '>'); ++end) {
      if (quote == 0 && (text[end] == '"' || text[end] == '\''))
        quote = text[end];
      else if (text[end] == quote)
        quote = 0;
      else if (quote == 0 && text[end] == '<')
        return "'<' within a tag";
    }
    if (end >= text.size()) return "a tag is not closed";
    const std::string tag = text.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n/", 1));
    if (tag.starts_with('/')) {
      if (open.empty() || "/" + open.back() != tag) return "unexpected <" + tag + ">";
      open.pop_back();
    } else if (!tag.starts_with('?') && !tag.starts_with('!') && !tag.ends_with('/')) {
      open.push_back(name);
    }
    at = end;
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

}  // namespace llsa::plot
