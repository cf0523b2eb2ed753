#include "datasets/pixel_features.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace llsa::datasets {
namespace {

/// Sums over rectangles in constant time.
class SummedArea {
 public:
  SummedArea(int width, int height, const std::vector<double>& values)
      : width_(width), height_(height), sums_(static_cast<std::size_t>((width + 1) * (height + 1))) {
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        at(x + 1, y + 1) = values[static_cast<std::size_t>(y * width + x)] + at(x, y + 1) + at(x + 1, y) - at(x, y);
  }
  /// The mean over the square of side 2 * radius + 1 around (x, y), as far as it exists.
  double mean(int x, int y, int radius) {
    const int left = std::max(x - radius, 0), right = std::min(x + radius + 1, width_);
    const int top = std::max(y - radius, 0), bottom = std::min(y + radius + 1, height_);
    return (at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top)) / ((right - left) * (bottom - top));
  }

 private:
  double& at(int x, int y) { return sums_[static_cast<std::size_t>(y * (width_ + 1) + x)]; }
  int width_, height_;
  std::vector<double> sums_;
};

void standardise(Features& features, int channel) {
  const std::size_t pixels = features.values.size() / feature_count;
  const auto value = [&](std::size_t i) -> float& {
    return features.values[i * feature_count + static_cast<std::size_t>(channel)];
  };
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < pixels; ++i) sum += value(i);
  const double mean = sum / static_cast<double>(pixels);
  for (std::size_t i = 0; i < pixels; ++i) squares += (value(i) - mean) * (value(i) - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(pixels));
  // Rounding noise of a constant feature must not be blown up to a pattern.
  for (std::size_t i = 0; i < pixels; ++i)
    value(i) = deviation > 1e-6 ? static_cast<float>((value(i) - mean) / deviation) : 0;
}

}  // namespace

const float* Features::of(int row, int column) const {
  return values.data() + static_cast<std::ptrdiff_t>(row * width + column) * feature_count;
}
float* Features::of(int row, int column) {
  return values.data() + static_cast<std::ptrdiff_t>(row * width + column) * feature_count;
}

Features local_features(const files::Image& picture) {
  const int width = picture.width, height = picture.height;
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  std::array<std::vector<double>, 4> planes;  // luma, red - green, blue - luma, luma squared
  for (auto& plane : planes) plane.resize(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const double r = picture.rgb[3 * i] / 255.0, g = picture.rgb[3 * i + 1] / 255.0, b = picture.rgb[3 * i + 2] / 255.0;
    const double luma = 0.299 * r + 0.587 * g + 0.114 * b;
    planes[0][i] = luma;
    planes[1][i] = r - g;
    planes[2][i] = b - luma;
    planes[3][i] = luma * luma;
  }
  std::array<SummedArea, 4> sums{SummedArea(width, height, planes[0]), SummedArea(width, height, planes[1]),
                                 SummedArea(width, height, planes[2]), SummedArea(width, height, planes[3])};
  Features features{width, height, std::vector<float>(pixels * feature_count)};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      float* out = features.of(y, x);
      for (const int radius : {1, 4}) {
        const double luma = sums[0].mean(x, y, radius);
        *out++ = static_cast<float>(luma);
        *out++ = static_cast<float>(sums[1].mean(x, y, radius));
        *out++ = static_cast<float>(sums[2].mean(x, y, radius));
        *out++ = static_cast<float>(std::sqrt(std::max(0.0, sums[3].mean(x, y, radius) - luma * luma)));
      }
    }
  }
  for (int channel = 0; channel < feature_count; ++channel) standardise(features, channel);
  return features;
}

}  // namespace llsa::datasets
