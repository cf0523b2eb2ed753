#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datasets/pixel_projection.hpp"
#include "demo/methods.hpp"
#include "files/image.hpp"

namespace llsa::demo {

/// One head's forward pass at one size.
struct ScalingPoint {
  std::int64_t tokens = 0;
  int levels = 0;  ///< the automatic number of levels
  double keys_per_query = 0;
  std::vector<double> llsa = {};   ///< seconds, one a repetition
  std::vector<double> dense = {};  ///< the same for dense attention; empty where it would take too long
};

/// Times both on the picture resampled to 32 x 32, 64 x 64, ... LLSA up to twice the demo's own side, dense attention
/// up to half of it, repetitions of the two taking turns. `progress` is told what begins.
std::vector<ScalingPoint> measure_scaling(const files::Image& picture, const datasets::ProjectionOptions& projection,
                                          std::int64_t top_k, Attention<float>& attention, ThreadPool& threads,
                                          const std::function<void(const std::string&)>& progress);

}  // namespace llsa::demo
