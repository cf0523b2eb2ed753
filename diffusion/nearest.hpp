#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/dataset.hpp"
#include "diffusion/config.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::diffusion {

/// For each of `pictures` `[count, frames, channels, height, width]` the root mean square difference from the nearest
/// picture of `set`, or of its mirror images: whether a model copies what it was trained on shows against the same
/// number for pictures that it never saw. Pictures that cannot be read are passed over; infinite when none can. Takes
/// time like count x size of the set. Throws `Cancelled` when the threads are asked to stop.
std::vector<double> nearest_distances(std::span<const float> pictures, const datasets::Dataset& set,
                                      const ModelConfig& config, ThreadPool& threads);

}  // namespace llsa::diffusion
