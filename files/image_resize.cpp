#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "files/image.hpp"
#include "llsa/error.hpp"

namespace llsa::files {
namespace {

/// The source pixels that make one output pixel along an axis, with weights that sum to 1.
struct Footprint {
  int first = 0;
  std::vector<double> weights;
};

std::vector<Footprint> footprints(int from, int to) {
  std::vector<Footprint> result(static_cast<std::size_t>(to));
  const double step = static_cast<double>(from) / to, radius = std::max(1.0, step);
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * step;
    Footprint& f = result[static_cast<std::size_t>(i)];
    f.first = std::max(0, static_cast<int>(std::floor(center - radius)));
    const int last = std::min(from - 1, static_cast<int>(std::ceil(center + radius)));
    double sum = 0;
    for (int j = f.first; j <= last; ++j) {
      f.weights.push_back(std::max(0.0, 1.0 - std::abs(j + 0.5 - center) / radius));
      sum += f.weights.back();
    }
    for (double& w : f.weights) w /= sum;
  }
  return result;
}

}  // namespace

Image resize(const Image& image, int width, int height) {
  Image result(width, height);
  if (image.width < 1 || image.height < 1) throw Error("cannot resize an empty picture");
  const auto columns = footprints(image.width, width), rows = footprints(image.height, height);
  // One output row at a time: its source rows are summed first, so that no picture-sized buffer is needed.
  const std::size_t row_size = static_cast<std::size_t>(image.width) * 3;
  std::vector<double> row(row_size);
  for (int y = 0; y < height; ++y) {
    const Footprint& vertical = rows[static_cast<std::size_t>(y)];
    std::ranges::fill(row, 0.0);
    for (std::size_t j = 0; j < vertical.weights.size(); ++j) {
      const std::uint8_t* source = image.pixel(0, vertical.first + static_cast<int>(j));
      for (std::size_t i = 0; i < row_size; ++i) row[i] += vertical.weights[j] * source[i];
    }
    for (int x = 0; x < width; ++x) {
      const Footprint& horizontal = columns[static_cast<std::size_t>(x)];
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::size_t j = 0; j < horizontal.weights.size(); ++j)
          sum += horizontal.weights[j] * row[(static_cast<std::size_t>(horizontal.first) + j) * 3 + c];
        result.pixel(x, y)[c] = static_cast<std::uint8_t>(std::clamp(std::floor(sum + 0.5), 0.0, 255.0));
      }
    }
  }
  return result;
}

}  // namespace llsa::files
