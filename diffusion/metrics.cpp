#include "diffusion/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "diffusion/random.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

std::vector<double> sorted_projections(std::span<const float> set, const std::vector<double>& direction) {
  std::vector<double> values(set.size() / direction.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < direction.size(); ++j) sum += double(set[i * direction.size() + j]) * direction[j];
    values[i] = sum;
  }
  std::sort(values.begin(), values.end());
  return values;
}

/// The transform of a line of `size` numbers `stride` apart, straight from the definition.
void transform_line(std::complex<double>* line, std::size_t size, std::size_t stride,
                    const std::vector<std::complex<double>>& roots, std::vector<std::complex<double>>& scratch) {
  for (std::size_t k = 0; k < size; ++k) {
    std::complex<double> sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += line[i * stride] * roots[i * k % size];
    scratch[k] = sum;
  }
  for (std::size_t k = 0; k < size; ++k) line[k * stride] = scratch[k];
}

/// The rounded radius of every frequency `[height, width]`, in periods a shorter side.
std::vector<std::size_t> radii_of(const files::PictureExtent& extent) {
  const std::int64_t h = extent.height, w = extent.width;
  const double s = double(extent.shorter_side()), down = s / double(h), across = s / double(w);
  std::vector<std::size_t> radii;
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x)
      radii.push_back(
          std::size_t(std::lround(std::hypot(double(std::min(y, h - y)) * down, double(std::min(x, w - x)) * across))));
  return radii;
}

std::vector<std::complex<double>> unit_roots(std::size_t n) {
  std::vector<std::complex<double>> roots(n);
  for (std::size_t i = 0; i < n; ++i) roots[i] = std::polar(1.0, -2 * std::numbers::pi * double(i) / double(n));
  return roots;
}

/// What all planes of one extent share.
struct Transform {
  explicit Transform(const files::PictureExtent& extent)
      : height(std::size_t(extent.height)),
        width(std::size_t(extent.width)),
        radii(radii_of(extent)),
        down(unit_roots(height)),
        across(unit_roots(width)),
        last(std::size_t(extent.shorter_side()) / 2) {}

  std::size_t height, width;
  std::vector<std::size_t> radii;
  std::vector<std::complex<double>> down, across;
  std::size_t last;  ///< the largest radius that counts
};

/// Power by radius of one plane, summed.
std::vector<double> plane_power(std::span<const float> plane, const Transform& t) {
  std::vector<std::complex<double>> values(plane.begin(), plane.end()), scratch(std::max(t.height, t.width));
  for (std::size_t y = 0; y < t.height; ++y) transform_line(&values[y * t.width], t.width, 1, t.across, scratch);
  for (std::size_t x = 0; x < t.width; ++x) transform_line(&values[x], t.height, t.width, t.down, scratch);
  std::vector<double> power(t.last + 1);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (t.radii[i] <= t.last) power[t.radii[i]] += std::norm(values[i]);
  return power;
}

}  // namespace

double sliced_wasserstein(std::span<const float> a, std::span<const float> b, std::int64_t elements, int directions,
                          std::uint64_t seed, ThreadPool& threads) {
  if (a.empty() || a.size() != b.size()) {
    throw Error(fmt::format("sets of {} and {} numbers; the distance needs two equal sets that are not empty", a.size(),
                            b.size()));
  }
  std::vector<double> squares(static_cast<std::size_t>(directions));
  threads.parallel_for(directions, [&](std::int64_t number, int) {
    std::vector<double> direction(static_cast<std::size_t>(elements));
    RandomSequence(seed, Purpose::directions, std::uint64_t(number)).fill_normal(std::span(direction));
    double norm = 0;
    for (double d : direction) norm += d * d;
    for (double& d : direction) d /= std::sqrt(norm);
    const auto from = sorted_projections(a, direction), to = sorted_projections(b, direction);
    double sum = 0;
    for (std::size_t i = 0; i < from.size(); ++i) sum += (from[i] - to[i]) * (from[i] - to[i]);
    squares[std::size_t(number)] = sum / double(from.size());
  });
  double sum = 0;
  for (double s : squares) sum += s;
  return std::sqrt(sum / double(directions));
}

std::vector<double> radial_spectrum(std::span<const float> pictures, std::int64_t channels,
                                    const files::PictureExtent& extent, ThreadPool& threads) {
  const auto pixels = static_cast<std::size_t>(extent.pixels_of_a_frame());
  const std::int64_t planes = static_cast<std::int64_t>(pictures.size() / pixels);
  if (planes == 0 || planes % channels != 0) throw Error("a spectrum needs at least one whole picture");
  const Transform transform(extent);
  std::vector<std::vector<double>> parts(static_cast<std::size_t>(planes));
  threads.parallel_for(planes, [&](std::int64_t i, int) {
    parts[std::size_t(i)] = plane_power(pictures.subspan(std::size_t(i) * pixels, pixels), transform);
  });
  std::vector<double> counts(transform.last + 1), mean(transform.last + 1);
  for (const std::size_t radius : transform.radii)
    if (radius <= transform.last) counts[radius] += 1;
  for (std::size_t r = 0; r < mean.size(); ++r) {
    for (const auto& part : parts) mean[r] += part[r];
    mean[r] /= counts[r] * double(planes) * double(pixels);
  }
  return mean;
}

double spectrum_distance(std::span<const double> a, std::span<const double> b) {
  constexpr double floor = 1e-12;
  double sum = 0;
  std::size_t radii = 0;
  for (std::size_t r = 1; r < std::min(a.size(), b.size()); ++r, ++radii) {
    const double decibels = 10 * std::log10(std::max(a[r], floor) / std::max(b[r], floor));
    sum += decibels * decibels;
  }
  return radii == 0 ? 0 : std::sqrt(sum / double(radii));
}

std::vector<ChannelMoments> channel_moments(std::span<const float> pictures, std::int64_t channels,
                                            const files::PictureExtent& extent) {
  const auto plane = static_cast<std::size_t>(extent.pixels_of_a_frame()),
             count = pictures.size() / (plane * std::size_t(channels));
  std::vector<ChannelMoments> moments(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; c < moments.size(); ++c) {
    const auto over_pixels = [&](const auto& value) {
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        for (const float x : pictures.subspan((i * moments.size() + c) * plane, plane)) sum += value(double(x));
      }
      return sum / double(count * plane);
    };
    const double mean = over_pixels([](double x) { return x; });
    const double variance = over_pixels([&](double x) { return (x - mean) * (x - mean); });
    const double third = over_pixels([&](double x) { return (x - mean) * (x - mean) * (x - mean); });
    const double deviation = std::sqrt(variance);
    moments[c] = {mean, deviation, variance > 0 ? third / (variance * deviation) : 0};
  }
  return moments;
}

MomentDistance moment_distance(std::span<const ChannelMoments> a, std::span<const ChannelMoments> b) {
  MomentDistance distance;
  for (std::size_t c = 0; c < a.size(); ++c) {
    distance.mean = std::max(distance.mean, std::abs(a[c].mean - b[c].mean));
    distance.deviation = std::max(distance.deviation, std::abs(a[c].deviation - b[c].deviation));
    distance.skewness = std::max(distance.skewness, std::abs(a[c].skewness - b[c].skewness));
  }
  return distance;
}

Difference difference(std::span<const float> a, std::span<const float> b) {
  if (a.empty() || a.size() != b.size()) {
    throw Error(fmt::format("sets of {} and {} numbers; a difference needs two equal sets that are not empty", a.size(),
                            b.size()));
  }
  Difference d;
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double(a[i]) - double(b[i]));
    d.mean_absolute += difference / double(a.size());
    squares += difference * difference / double(a.size());
    d.largest = std::max(d.largest, difference);
  }
  d.root_mean_square = std::sqrt(squares);
  d.psnr = squares > 0 ? 10 * std::log10(4 / squares) : std::numeric_limits<double>::infinity();
  return d;
}

}  // namespace llsa::diffusion
