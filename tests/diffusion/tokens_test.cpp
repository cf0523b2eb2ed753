#include "diffusion/tokens.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "diffusion/layers/eigen_layers.hpp"
#include "gradient_check.hpp"

namespace llsa::diffusion::testing {
namespace {

ModelConfig config_of(const files::PictureExtent& extent, std::int64_t patch, std::int64_t channels) {
  ModelConfig config;
  config.extent = extent;
  config.patch_size = patch;
  config.channels = channels;
  return config;
}

RC_GTEST_PROP(Tokens, going_there_and_back_is_the_identity_in_every_order, ()) {
  const auto patch = *rc::gen::inRange<std::int64_t>(1, 4), frames = *rc::gen::inRange<std::int64_t>(1, 4);
  const auto rows = *rc::gen::inRange<std::int64_t>(1, 9), columns = *rc::gen::inRange<std::int64_t>(1, 9);
  const auto channels = *rc::gen::element<std::int64_t>(1, 3);
  const auto name = *rc::gen::element<std::string>("raster", "morton", "hilbert");
  const ModelConfig config = config_of({frames, rows * patch, columns * patch}, patch, channels);
  const TokenMap map = token_map(config, token_order(name, config.grid()));
  ThreadPool threads(1);
  EigenLayers<double> layers(threads);
  const Numbers images = normal_numbers(2 * config.image_elements(), 1);
  Numbers tokens(images.size(), NAN), back(images.size(), NAN);
  layers.permute(2, map.image_to_output, images.data(), tokens.data());
  layers.permute(2, map.output_to_image, tokens.data(), back.data());
  RC_ASSERT(back == images);
  // The input map is a bijection, too.
  layers.permute(2, map.image_to_input, images.data(), tokens.data());
  std::sort(tokens.begin(), tokens.end());
  Numbers sorted = images;
  std::sort(sorted.begin(), sorted.end());
  RC_ASSERT(tokens == sorted);
}

TEST(Tokens, hold_their_patch_as_a_convolution_and_as_diffusers_wants_it) {
  const ModelConfig config = config_of(files::square(6), 2, 3);
  const TokenOrder order = hilbert_order(config.grid());
  const TokenMap map = token_map(config, order);
  for (std::int64_t token = 0; token < 9; ++token) {
    const std::int64_t cell = order.to_raster()[std::size_t(token)];
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t p = 0; p < 2; ++p) {
        for (std::int64_t q = 0; q < 2; ++q) {
          const std::int64_t pixel = c * 36 + (cell / 3 * 2 + p) * 6 + cell % 3 * 2 + q;
          EXPECT_EQ(map.image_to_input[std::size_t(token * 12 + c * 4 + p * 2 + q)], pixel);
          EXPECT_EQ(map.image_to_output[std::size_t(token * 12 + (p * 2 + q) * 3 + c)], pixel);
        }
      }
    }
  }
}

}  // namespace
}  // namespace llsa::diffusion::testing
