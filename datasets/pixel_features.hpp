#pragma once

#include <vector>

#include "files/image.hpp"

namespace llsa::datasets {

/// What each pixel looks like from nearby, `[height * width, feature_count]`, raster order.
struct Features {
  int width = 0, height = 0;
  std::vector<float> values;

  const float* of(int row, int column) const;
  float* of(int row, int column);
};

/// For a 3 x 3 and a 9 x 9 neighbourhood (cut off at the border): the mean colour as luma (0.299 R + 0.587 G + 0.114
/// B), red - green and blue - luma, and the contrast (standard deviation of the luma). Order: luma, red-green,
/// blue-yellow, contrast of the small neighbourhood, then of the large one.
inline constexpr int feature_count = 8;

/// Every feature is shifted and scaled to mean 0 and variance 1 over the picture (a constant one becomes 0).
Features local_features(const files::Image& picture);

}  // namespace llsa::datasets
