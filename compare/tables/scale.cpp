#include "compare/tables/scale.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "llsa/error.hpp"

namespace llsa::compare::tables {

Scale scale_from(std::string_view name) {
  if (name == "small") return {};
  if (name == "tiny") {
    return {.name = "tiny",
            .image_size = 8,
            .block_size = 2,
            .top_k = 4,
            .hidden = 8,
            .layers = 1,
            .heads = 1,
            .batch = 2,
            .steps = 4,
            .seeds = 2,
            .validation_pictures = 2,
            .samples = 2,
            .sampling_steps = 2,
            .shortest_tokens = 64,
            .longest_tokens = 256,
            .dense_limit = 64,
            .head_dim = 8,
            .repetitions = 2};
  }
  throw Error(fmt::format("scale is '{}'; it must be {}", name, fmt::join(scale_names(), " or ")));
}

std::vector<std::string> scale_names() { return {"small", "tiny"}; }

void validate(const Scale& s) {
  const auto require = [](const char* field, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value < low || value > high) throw Error(fmt::format("{} is {}; it must be {} to {}", field, value, low, high));
  };
  require("image size", s.image_size, 2, 1024);
  require("block size", s.block_size, 2, 1 << 20);
  require("top-k", s.top_k, 1, 1 << 20);
  require("batch", s.batch, 1, 1 << 16);
  require("steps", s.steps, 1, 1'000'000'000);
  require("seeds", s.seeds, 1, 1000);
  require("curve points", s.curve_points, 0, s.steps);
  require("validation pictures", s.validation_pictures, 1, 1'000'000);
  require("samples", s.samples, 1, 1'000'000);
  require("sampling steps", s.sampling_steps, 1, 1'000'000);
  require("shortest length", s.shortest_tokens, 1, 1 << 26);
  require("longest length", s.longest_tokens, s.shortest_tokens, 1 << 26);
  require("dense limit", s.dense_limit, 0, 1 << 26);
  require("attention heads", s.attention_heads, 1, 4096);
  require("head dimension", s.head_dim, 1, 4096);
  require("repetitions", s.repetitions, 1, 10'000);
}

std::string describe_training(const Scale& s) {
  const std::int64_t side = s.image_size, tokens = side * side;
  return fmt::format(
      "Scaled down: {0} x {0} pictures of `{1}`, {2} tokens (paper: FFHQ 128 x 128, 16,384), B = {3} (16), K = {4} "
      "(8), {5} "
      "layers of width {6}, {7} head{8} (DiT-S: 12 of 384, 6), {9} steps of {10} pictures (20 epochs of 70,000), {11} "
      "seed{12}. Instead of FID: the mean loss on {13} validation pictures with fixed noise and times; the mean "
      "squared error "
      "of these pictures as the model finds them behind noise of 1/4, 1/2, 1, 2 and 4 times their range's half; and "
      "the sliced "
      "Wasserstein distance of {14} samples ({15} Euler steps) to as many validation pictures.",
      side, s.data, tokens, s.block_size, s.top_k, s.layers, s.hidden, s.heads, s.heads == 1 ? "" : "s", s.steps,
      s.batch, s.seeds, s.seeds == 1 ? "" : "s", s.validation_pictures, s.samples, s.sampling_steps);
}

std::string describe_timing(const Scale& s) {
  return fmt::format(
      "Attention alone on seeded random Q, K, V: {} head{} of dimension {}, f32, B = 16, {} repetitions that take "
      "turns, "
      "medians.",
      s.attention_heads, s.attention_heads == 1 ? "" : "s", s.head_dim, s.repetitions);
}

}  // namespace llsa::compare::tables
