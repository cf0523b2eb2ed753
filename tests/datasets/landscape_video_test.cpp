// Landscapes of other proportions, and moving ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "../files/support.hpp"
#include "datasets/dataset.hpp"
#include "datasets/procedural.hpp"
#include "files/apng.hpp"

namespace llsa::datasets {
namespace {

using namespace files::testing;
using files::PictureExtent;
using files::square;

/// Mean over all bytes.
double distance(const files::Image& a, const files::Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(static_cast<int>(a.rgb[i]) - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

const PictureExtent film{.frames = 5, .height = 16, .width = 24};

TEST(LandscapeVideo, a_frame_depends_on_seed_index_and_its_number_alone) {
  const auto whole = landscape_video(film, 3, 7);
  ASSERT_EQ(whole.size(), 5u);
  landscape_video(film, 3, 8);
  auto shorter = film;
  shorter.frames = 3;
  const auto begin = landscape_video(shorter, 3, 7);
  for (std::size_t f = 0; f < begin.size(); ++f) EXPECT_EQ(begin[f], whole[f]) << f;
  EXPECT_NE(landscape_video(film, 4, 7)[0], whole[0]);
}

TEST(LandscapeVideo, the_bytes_are_the_same_on_every_platform_and_in_every_version) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (std::uint64_t i = 0; i < 12; ++i)
    for (const files::Image& frame : landscape_video(film, 7, i))
      for (const std::uint8_t byte : frame.rgb) hash = (hash ^ byte) * 0x100000001b3ull;
  EXPECT_EQ(hash, 14378036566457186551u);
}

TEST(LandscapeVideo, begins_with_the_picture_of_its_number) {
  for (std::uint64_t i = 0; i < 24; ++i)
    // The side that comes into view later has its own trees, which may reach into the picture.
    EXPECT_LT(distance(landscape_video(film, 1, i)[0], landscape_picture(film.picture(), 1, i)), 3) << i;
}

TEST(LandscapeVideo, changes_a_little_from_frame_to_frame_and_goes_on_doing_so) {
  double step = 0, over_all = 0, other = 0;
  constexpr int videos = 24;
  for (std::uint64_t i = 0; i < videos; ++i) {
    const auto frames = landscape_video(film, 1, i);
    for (std::size_t f = 1; f < frames.size(); ++f) {
      EXPECT_NE(frames[f], frames[f - 1]) << i << " " << f;
      EXPECT_LT(distance(frames[f], frames[f - 1]), 16) << i << " " << f;
      step += distance(frames[f], frames[f - 1]) / double(frames.size() - 1) / videos;
    }
    over_all += distance(frames.front(), frames.back()) / videos;
    other += distance(frames.front(), landscape_picture(film.picture(), 2, i)) / videos;
  }
  EXPECT_GT(step, 1) << "an eye sees it";
  EXPECT_GT(over_all, 1.5 * step) << "it moves on instead of flickering";
  EXPECT_LT(over_all, other / 2) << "it stays one scene";
}

/// How far, in pixels, the ground of `later` lies to the left or right of where it was.
int shift_of_ground(const files::Image& before, const files::Image& later) {
  int best = 0;
  double least = 1e30;
  for (int shift = -16; shift <= 16; ++shift) {
    double sum = 0;
    for (int y = before.height * 6 / 10; y < before.height; ++y)
      for (int x = 16; x < before.width - 16; ++x)
        for (int c = 0; c < 3; ++c) sum += std::abs(before.pixel(x + shift, y)[c] - later.pixel(x, y)[c]);
    if (sum < least) least = sum, best = shift;
  }
  return std::abs(best);
}

TEST(LandscapeVideo, turns_the_camera_by_a_hundredth_or_two_of_its_height_a_frame) {
  for (std::uint64_t i = 0; i < 12; ++i) {
    if (landscape_label(i) > 1) continue;  // meadows and autumn: ground with many things on it
    const auto frames = landscape_video({.frames = 21, .height = 32, .width = 64}, 5, i);
    const int shift = shift_of_ground(frames[0], frames[20]);
    EXPECT_GE(shift, 20 * 0.008 * 32 - 1) << i;
    EXPECT_LE(shift, 20 * 0.022 * 32 + 1) << i;
    EXPECT_LE(shift_of_ground(frames[0], frames[1]), 1) << i;
  }
}

TEST(LandscapeVideo, goes_on_for_a_thousand_frames_without_leaving_its_world) {
  const auto frames = landscape_video({.frames = 1024, .height = 2, .width = 3}, 1, 3);
  ASSERT_EQ(frames.size(), 1024u);
  EXPECT_NE(frames[1023], frames[1022]);
}

TEST(LandscapePicture, of_other_proportions_does_not_depend_on_the_resolution) {
  for (const PictureExtent extent : {PictureExtent{1, 16, 48}, {1, 48, 16}, {1, 1, 64}, {1, 64, 1}}) {
    const files::Image image = landscape_picture(extent, 1, 4);
    EXPECT_EQ(image.width, extent.width);
    EXPECT_EQ(image.height, extent.height);
    const auto doubled = PictureExtent{1, 2 * extent.height, 2 * extent.width};
    const files::Image large = files::resize(landscape_picture(doubled, 1, 4), image.width, image.height);
    EXPECT_LT(distance(large, image), 8) << files::describe(extent);
  }
}

TEST(LandscapePicture, that_is_wide_has_as_many_things_on_its_right_as_on_its_left) {
  // Trees and houses are what differs from pixel to pixel along a row.
  double edges[2] = {0, 0};
  for (std::uint64_t i = 0; i < 60; ++i) {
    const files::Image image = landscape_picture({1, 16, 64}, 1, 6 * i);
    for (int y = 9; y < 16; ++y)
      for (int x = 0; x < 15; ++x)
        for (int side = 0; side < 2; ++side)
          edges[side] += std::abs(image.pixel(side * 48 + x, y)[1] - image.pixel(side * 48 + x + 1, y)[1]);
  }
  EXPECT_NEAR(edges[1] / edges[0], 1, 0.25);
}

TEST(ShapePicture, is_in_the_middle_of_what_is_not_square) {
  for (std::uint64_t i = 0; i < 30; ++i) {
    const files::Image image = shape_picture(square(16), 3, i);
    EXPECT_LT(distance(files::center_crop(shape_picture({1, 16, 40}, 3, i), 16, 16), image), 0.5) << i;
    EXPECT_LT(distance(files::center_crop(shape_picture({1, 40, 16}, 3, i), 16, 16), image), 0.5) << i;
  }
}

TEST(Dataset, crops_the_largest_middle_part_of_the_right_proportions) {
  const TemporaryFolder folder;
  files::Image wide(40, 20);
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 40; ++x)
      wide.pixel(x, y)[0] = static_cast<std::uint8_t>(x * 6), wide.pixel(x, y)[1] = static_cast<std::uint8_t>(y * 6);
  files::write_png(folder / "a.png", wide);
  const auto set = open_image_folder(folder.path());
  EXPECT_EQ(set->item(0, {1, 20, 40}).image(), wide);
  EXPECT_EQ(set->item(0, {1, 20, 10}).image(), files::center_crop(wide, 10, 20));
  EXPECT_EQ(set->item(0, {1, 10, 40}).image(), files::center_crop(wide, 40, 10));
}

TEST(Dataset, of_a_folder_of_animations_has_their_first_frames) {
  const TemporaryFolder folder;
  const auto scene = landscape_video(film, 1, 2);
  files::write_apng(folder / "a.png", scene, 100);
  files::write_apng(folder / "b.png", std::span(scene).first(2), 100);
  const auto set = open_image_folder(folder.path());
  EXPECT_EQ(set->item(0, film).frames, scene);
  EXPECT_EQ(set->item(0, {3, 16, 24}).frames, (std::vector{scene[0], scene[1], scene[2]}));
  EXPECT_EQ(set->item(0, {2, 8, 12}).frames[1], files::resize(scene[1], 12, 8));
  EXPECT_EQ(set->item(1, film.picture()).image(), scene[0]);
  EXPECT_EQ(error_of([&] { set->item(1, film); }), (folder / "b.png").string() + ": has 2 frames; a video here has 5");
}

TEST(Dataset, has_videos_or_says_that_it_has_none) {
  const auto set = open_dataset("landscape:7");
  EXPECT_EQ(set->item(4, film).frames, landscape_video(film, 7, 4));
  EXPECT_EQ(set->item(4, film).label, 4);
  EXPECT_EQ(set->item(4, film.picture()).frames, std::vector{landscape_picture(film.picture(), 7, 4)});
  const std::string refused =
      "5 frames, but the data set has pictures alone (shapes:7 item 0); videos are landscape:SEED and folders of "
      "animated PNGs";
  EXPECT_EQ(error_of([] { open_dataset("shapes:7")->item(0, film); }), refused);
  auto other = open_dataset("landscape:7")->classes();
  std::ranges::reverse(other);
  EXPECT_EQ(open_dataset("landscape:7", Split::train, other)->item(1, film).frames.size(), 5u) << "numbered anew";
  EXPECT_EQ(error_of([&] {
              set->item(0, {0, 4, 4});
            }),
            "a data set of 0 frames of 4 x 4 pixels; every extent must be at least 1");
}

}  // namespace
}  // namespace llsa::datasets
