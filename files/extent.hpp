#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llsa::files {

/// How large a picture or a video is, in pixels. Pictures have `frames == 1`. In memory a video is its frames one after
/// the other, each a picture of its own: `[frames, channels, height, width]`.
struct PictureExtent {
  std::int64_t frames = 1, height = 1, width = 1;

  bool is_picture() const { return frames == 1; }
  std::int64_t pixels_of_a_frame() const { return height * width; }
  std::int64_t pixels() const { return frames * pixels_of_a_frame(); }
  std::int64_t shorter_side() const { return height < width ? height : width; }
  /// One frame of it.
  PictureExtent picture() const { return {.frames = 1, .height = height, .width = width}; }
  friend bool operator==(const PictureExtent&, const PictureExtent&) = default;
};

inline PictureExtent square(std::int64_t side) { return {.frames = 1, .height = side, .width = side}; }

/// How settings and command lines spell the size of a picture or a frame: "64" (square) or "HxW", "64x96", as a grid of
/// tokens is spelled. Throws `Error` that begins with `what` otherwise.
PictureExtent picture_extent_from(std::string_view text, std::string_view what);
/// Back, without the frames: "64" or "64x96".
std::string size_text(PictureExtent extent);
/// For people: "64 x 96 pixels" (height first), "8 frames of 64 x 96 pixels".
std::string describe(PictureExtent extent);

}  // namespace llsa::files
