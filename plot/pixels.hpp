#pragma once

#include "files/image.hpp"
#include "plot/color.hpp"

namespace llsa::plot {

using files::Image;

/// Pixels of an image as colours. Unchecked.
inline Rgb pixel(const Image& image, int x, int y) {
  const std::uint8_t* p = image.pixel(x, y);
  return {p[0], p[1], p[2]};
}

inline void set_pixel(Image& image, int x, int y, Rgb color) {
  std::uint8_t* p = image.pixel(x, y);
  p[0] = color.r;
  p[1] = color.g;
  p[2] = color.b;
}

}  // namespace llsa::plot
