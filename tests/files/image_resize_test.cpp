#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "files/image.hpp"
#include "support.hpp"
#include "tensor_generators.hpp"

namespace llsa::files {
namespace {

using namespace testing;

/// The definition, word for word and in two dimensions at once.
double resized(const Image& image, int width, int height, int x, int y, int channel) {
  const auto weight = [](int j, int i, int n, int m) {
    const double ratio = static_cast<double>(n) / m;
    return std::max(0.0, 1 - std::abs((j + 0.5) - (i + 0.5) * ratio) / std::max(1.0, ratio));
  };
  double sum = 0, weights = 0;
  for (int v = 0; v < image.height; ++v)
    for (int u = 0; u < image.width; ++u) {
      const double w = weight(u, x, image.width, width) * weight(v, y, image.height, height);
      sum += w * image.pixel(u, v)[channel];
      weights += w;
    }
  return sum / weights;
}

RC_GTEST_PROP(ImageResize, every_pixel_is_what_the_definition_says, ()) {
  const auto extent = rc::gen::inRange(1, 20);
  const Image image = noise(*extent, *extent, *rc::gen::arbitrary<std::uint32_t>());
  const int width = *extent, height = *extent;
  RC_CLASSIFY(width > image.width, "wider");
  RC_CLASSIFY(width < image.width, "narrower");
  const Image result = resize(image, width, height);
  RC_ASSERT(result.width == width && result.height == height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        RC_ASSERT(std::abs(result.pixel(x, y)[c] - resized(image, width, height, x, y, c)) <= 0.5 + 1e-9);
}

RC_GTEST_PROP(ImageResize, the_same_size_changes_nothing, ()) {
  const Image image = noise(*rc::gen::inRange(1, 30), *rc::gen::inRange(1, 30), 1);
  RC_ASSERT(resize(image, image.width, image.height) == image);
  RC_ASSERT(resize_and_crop(image, image.width, image.height) == image);
  RC_ASSERT(center_crop(image, image.width, image.height) == image);
}

RC_GTEST_PROP(ImageResize, one_colour_stays_that_colour, ()) {
  const auto extent = rc::gen::inRange(1, 50);
  const Image image = flat(*extent, *extent, 255, 0, 77);
  const int width = *extent, height = *extent;
  RC_ASSERT(resize(image, width, height) == flat(width, height, 255, 0, 77));
  RC_ASSERT(resize_and_crop(image, width, height) == flat(width, height, 255, 0, 77));
}

TEST(ImageResize, half_way_between_two_pixels_is_rounded_up) {
  Image image(2, 1);
  image.rgb = {0, 10, 255, 1, 20, 255};
  EXPECT_EQ(resize(image, 1, 1).rgb, (std::vector<std::uint8_t>{1, 15, 255}));
}

TEST(ImageResize, the_crop_is_the_middle) {
  Image image(5, 4);
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 5; ++x) image.pixel(x, y)[0] = static_cast<std::uint8_t>(10 * y + x);
  const Image middle = center_crop(image, 2, 2);
  EXPECT_EQ(middle.pixel(0, 0)[0], 11);
  EXPECT_EQ(middle.pixel(1, 1)[0], 22);
  EXPECT_EQ(error_of([&] { center_crop(image, 6, 2); }), "cannot crop 6 x 2 pixels out of a picture of 5 x 4");
  EXPECT_EQ(error_of([&] { center_crop(image, 0, 2); }), "a picture of 0 x 2 pixels; both must be at least 1");
}

TEST(ImageResize, resize_and_crop_keeps_proportions_and_cuts_what_is_too_long) {
  // Red left and right of a green square: the square is what remains.
  Image wide = flat(40, 20, 255, 0, 0);
  for (int y = 0; y < 20; ++y)
    for (int x = 10; x < 30; ++x) std::copy_n(flat(1, 1, 0, 255, 0).rgb.data(), 3, wide.pixel(x, y));
  EXPECT_EQ(resize_and_crop(wide, 7, 7), flat(7, 7, 0, 255, 0));
  Image tall = flat(20, 40, 255, 0, 0);
  for (int y = 10; y < 30; ++y)
    for (int x = 0; x < 20; ++x) std::copy_n(flat(1, 1, 0, 255, 0).rgb.data(), 3, tall.pixel(x, y));
  EXPECT_EQ(resize_and_crop(tall, 7, 7), flat(7, 7, 0, 255, 0));
  EXPECT_EQ(resize_and_crop(wide, 30, 15), resize(wide, 30, 15));
  EXPECT_EQ(resize_and_crop(wide, 60, 1).width, 60);
  EXPECT_EQ(error_of([&] { resize_and_crop(wide, 0, 5); }), "cannot resize to 0 x 5 pixels");
  EXPECT_EQ(error_of([&] { resize(wide, 5, 0); }), "a picture of 5 x 0 pixels; both must be at least 1");
  EXPECT_EQ(error_of([&] { resize(Image(), 5, 5); }), "cannot resize an empty picture");
}

}  // namespace
}  // namespace llsa::files
