#include "datasets/pixel_projection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "datasets/orthonormal.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {
namespace {

constexpr int likeness_count = feature_count + 1;  // u
constexpr int value_count = 3 + feature_count;     // r, g, b, features
constexpr double shortest_wavelength = 32;         // pixels

struct Emphasis {
  const char* name;
  std::array<double, feature_count> weights;
};
constexpr Emphasis emphases[] = {
    {"all features", {1, 1, 1, 1, 1, 1, 1, 1}},
    {"colours nearby (3 x 3)", {1.5, 1.5, 1.5, 0.2, 0.5, 0.5, 0.5, 0.2}},
    {"colours around (9 x 9)", {0.3, 0.3, 0.3, 0.2, 1.5, 1.5, 1.5, 0.4}},
    {"contrast", {0.5, 0.3, 0.3, 1.5, 0.5, 0.3, 0.3, 1.8}},
};

const Emphasis& emphasis_of(std::int64_t head) {
  return emphases[static_cast<std::size_t>(head) % std::size(emphases)];
}

std::uint64_t seed_of(const ProjectionOptions& options, std::int64_t head, std::uint64_t matrix) {
  return options.seed * 1000003u + static_cast<std::uint64_t>(head) * 2 + matrix;
}

std::vector<double> value_matrix(const ProjectionOptions& options, std::int64_t head) {
  return orthonormal_columns(static_cast<int>(options.head_dim), value_count, seed_of(options, head, 1));
}

/// `out = matrix * x`.
template <std::size_t n>
void multiply(const std::vector<double>& matrix, const std::array<double, n>& x, std::vector<double>& out) {
  for (std::size_t row = 0; row < out.size(); ++row) {
    out[row] = 0;
    for (std::size_t i = 0; i < n; ++i) out[row] += matrix[row * n + i] * x[i];
  }
}

std::array<double, likeness_count> likeness(const float* features, const Emphasis& emphasis) {
  std::array<double, likeness_count> u{};
  double squares = 1;
  for (std::size_t i = 0; i < feature_count; ++i) {
    u[i] = emphasis.weights[i] * features[i];
    squares += u[i] * u[i];
  }
  u[feature_count] = 1;
  for (double& each : u) each /= std::sqrt(squares);
  return u;
}

/// Of each eight pairs of dimensions turns the first with the row and the second with the column.
void rotate(std::vector<double>& x, int row, int column, int longer_side) {
  constexpr std::size_t pairs = 8;
  const std::size_t groups = x.size() / (2 * pairs);
  const double shortest = shortest_wavelength, longest = std::max(4.0 * longer_side, shortest);
  for (std::size_t m = 0; m < groups; ++m) {
    const double t = groups > 1 ? static_cast<double>(m) / static_cast<double>(groups - 1) : 0;
    const double frequency = 2 * std::numbers::pi / (shortest * std::pow(longest / shortest, t));
    for (std::size_t k = 0; k < 2; ++k) {
      const double angle = frequency * (k == 0 ? row : column);
      double &a = x[2 * (pairs * m + k)], &b = x[2 * (pairs * m + k) + 1];
      const double turned = std::cos(angle) * a - std::sin(angle) * b;
      b = std::sin(angle) * a + std::cos(angle) * b;
      a = turned;
    }
  }
}

}  // namespace

void validate(const ProjectionOptions& options) {
  if (options.heads < 1 || options.heads > 64)
    throw Error("heads is " + std::to_string(options.heads) + "; it must be 1 to 64");
  if (options.head_dim < 16 || options.head_dim > 256 || options.head_dim % 16 != 0)
    throw Error("head-dim is " + std::to_string(options.head_dim) + "; it must be a multiple of 16 from 16 to 256");
  if (!(options.sharpness > 0 && options.sharpness <= 1000))
    throw Error("sharpness is " + std::to_string(options.sharpness) + "; it must be above 0 and at most 1000");
}

PixelTokens project(const files::Image& picture, const Features& features, const TokenOrder& order,
                    const ProjectionOptions& options) {
  validate(options);
  const Shape shape{1, options.heads, order.size(), options.head_dim};
  PixelTokens tokens{Tensor<float>(shape), Tensor<float>(shape), Tensor<float>(shape)};
  const double gain = std::sqrt(options.sharpness * std::sqrt(static_cast<double>(options.head_dim)));
  const auto dim = static_cast<std::size_t>(options.head_dim);
  std::vector<double> vector(dim);
  for (std::int64_t head = 0; head < options.heads; ++head) {
    const Emphasis& emphasis = emphasis_of(head);
    const auto likeness_matrix = orthonormal_columns(static_cast<int>(dim), likeness_count, seed_of(options, head, 0));
    const auto values = value_matrix(options, head);
    for (std::int64_t i = 0; i < order.size(); ++i) {
      const auto raster = static_cast<int>(order.to_raster()[static_cast<std::size_t>(i)]);
      const int row = raster / picture.width, column = raster % picture.width;
      multiply(likeness_matrix, likeness(features.of(row, column), emphasis), vector);
      rotate(vector, row, column, std::max(picture.width, picture.height));
      for (std::size_t d = 0; d < dim; ++d) {
        const auto index = static_cast<std::int64_t>(d);
        tokens.query(0, head, i, index) = tokens.key(0, head, i, index) = static_cast<float>(gain * vector[d]);
      }
      std::array<double, value_count> seen{};
      for (std::size_t c = 0; c < 3; ++c) seen[c] = picture.pixel(column, row)[c] / 255.0;
      std::copy_n(features.of(row, column), feature_count, seen.begin() + 3);
      multiply(values, seen, vector);
      for (std::size_t d = 0; d < dim; ++d)
        tokens.value(0, head, i, static_cast<std::int64_t>(d)) = static_cast<float>(vector[d]);
    }
  }
  return tokens;
}

const char* emphasis_name(std::int64_t head) { return emphasis_of(head).name; }

files::Image colors_of(HeadView<const float> values, std::int64_t head, const TokenOrder& order, int width, int height,
                       const ProjectionOptions& options) {
  const auto matrix = value_matrix(options, head);
  files::Image result(width, height);
  for (std::int64_t i = 0; i < order.size(); ++i) {
    const auto raster = static_cast<std::size_t>(order.to_raster()[static_cast<std::size_t>(i)]);
    for (std::size_t c = 0; c < 3; ++c) {
      double sum = 0;
      for (std::int64_t d = 0; d < options.head_dim; ++d)
        sum += matrix[static_cast<std::size_t>(d) * value_count + c] * static_cast<double>(values(i, d));
      result.rgb[3 * raster + c] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(sum, 0.0, 1.0)));
    }
  }
  return result;
}

std::vector<Pixel> distinct_pixels(const Features& features, int count) {
  constexpr int grid = 12;  // places per side; the outermost cells are left out, for the pictures' sake
  std::vector<Pixel> places;
  for (int y = 1; y < grid - 1; ++y)
    for (int x = 1; x < grid - 1; ++x)
      places.push_back({(2 * y + 1) * features.height / (2 * grid), (2 * x + 1) * features.width / (2 * grid)});
  const auto distance = [&](const Pixel& a, const Pixel& b) {
    // Features of the large neighbourhood only: a place stands for its surroundings.
    const auto u = likeness(features.of(a.row, a.column), emphases[2]),
               v = likeness(features.of(b.row, b.column), emphases[2]);
    double sum = 0;
    for (std::size_t i = 0; i < u.size(); ++i) sum += (u[i] - v[i]) * (u[i] - v[i]);
    return sum;
  };
  std::vector<Pixel> chosen{places[places.size() / 2 + grid / 2 - 1]};
  while (static_cast<int>(chosen.size()) < count) {
    double best = -1;
    Pixel farthest;
    for (const Pixel& place : places) {
      double nearest = std::numeric_limits<double>::infinity();
      for (const Pixel& each : chosen) nearest = std::min(nearest, distance(place, each));
      if (nearest > best) best = nearest, farthest = place;
    }
    chosen.push_back(farthest);
  }
  return chosen;
}

}  // namespace llsa::datasets
