#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llsa::compare::tables {

/// The size at which the paper's tables are made again: everything that is smaller here than there. Set fields by name.
struct Scale {
  std::string name = "small";
  // Training: a pixel diffusion transformer, one token a pixel.
  std::string data = "shapes";   ///< as `diffusion::DataConfig::place`
  std::int64_t image_size = 32;  ///< the paper: 128; pictures of 4b are twice as wide
  std::int64_t block_size = 4;   ///< B; the paper: 16
  std::int64_t top_k = 8;        ///< K
  std::int64_t hidden = 48, layers = 2, heads = 2;
  std::int64_t batch = 4;  ///< pictures a step; a quarter of it, at least 1, for 4b
  std::int64_t steps = 100;
  std::int64_t seeds = 3;
  std::int64_t curve_points = 0;  ///< validation losses on the way, evenly spread over the steps; 0: the last only
  double learning_rate = 4e-3;
  std::int64_t validation_pictures = 32, samples = 16, sampling_steps = 20;
  // Timing of attention alone, B = 16.
  std::int64_t shortest_tokens = 1024, longest_tokens = 65536;  ///< each length is four times the one before
  std::int64_t dense_limit = 16384;                             ///< full attention is timed up to here
  std::int64_t attention_heads = 1, head_dim = 64;
  int repetitions = 5;
};

/// "small" (two cores, about an hour for everything) or "tiny" (seconds; for trying the command out). Throws `Error`
/// for another name.
Scale scale_from(std::string_view name);
std::vector<std::string> scale_names();

/// Throws `Error` naming the first field that is out of range, its value and what is allowed.
void validate(const Scale& scale);

/// One sentence with all of it, for reports.
std::string describe_training(const Scale& scale);
std::string describe_timing(const Scale& scale);

}  // namespace llsa::compare::tables
