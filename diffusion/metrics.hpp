#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "files/extent.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::diffusion {

/// Sets of pictures are `[count, channels, height, width]`, all numbers finite. None of these is FID: no network is
/// involved. Spectra and moments take videos as so many pictures, all their frames; the sliced Wasserstein distance
/// takes a video as one vector, so that motion counts.

/// Sliced Wasserstein distance between two sets of equally many vectors of `elements` numbers: the root of the mean,
/// over `directions` random unit vectors, of the squared 2-Wasserstein distance between the projections. The directions
/// depend on the seed. Throws `Error` when the sets differ in size or are empty.
double sliced_wasserstein(std::span<const float> a, std::span<const float> b, std::int64_t elements, int directions,
                          std::uint64_t seed, ThreadPool& threads);

/// Mean power of the 2-D discrete Fourier transform over all pictures, channels and frequencies with rounded radius r,
/// for r = 0..s/2, divided by the number of pixels. The radius counts periods in the shorter side s.
std::vector<double> radial_spectrum(std::span<const float> pictures, std::int64_t channels,
                                    const files::PictureExtent& extent, ThreadPool& threads);

/// Root mean square over radii 1..s/2 of `10 log10(a / b)`, in decibels (powers below 1e-12 count as 1e-12).
double spectrum_distance(std::span<const double> a, std::span<const double> b);

/// Moments of one channel over all pixels of a set.
struct ChannelMoments {
  double mean = 0, deviation = 0, skewness = 0;  ///< skewness is 0 where the deviation is
};
std::vector<ChannelMoments> channel_moments(std::span<const float> pictures, std::int64_t channels,
                                            const files::PictureExtent& extent);

/// The largest difference between two lists of moments, of means and of deviations.
struct MomentDistance {
  double mean = 0, deviation = 0, skewness = 0;
};
MomentDistance moment_distance(std::span<const ChannelMoments> a, std::span<const ChannelMoments> b);

/// How far two sets of equal length are apart, element by element.
struct Difference {
  double mean_absolute = 0, root_mean_square = 0, largest = 0;
  double psnr = 0;  ///< in decibels for a range of 2 (-1..1); infinite for equal sets
};
Difference difference(std::span<const float> a, std::span<const float> b);

}  // namespace llsa::diffusion
