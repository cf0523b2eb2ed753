#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "files/extent.hpp"
#include "files/image.hpp"

namespace llsa::datasets {

/// A landscape with sky, sun, clouds, ridges, a lake, fields, houses and conifers: like things lie far apart, which is
/// what attention looks for. A pure function of its arguments, the same bytes on every platform (integer randomness; no
/// library function that rounds differently elsewhere). The scene depends on the seed and the proportions, not on the
/// resolution. Throws `Error` when an extent is below 1 or the picture would exceed `max_image_pixels`.
files::Image landscape(int width, int height, std::uint64_t seed);

/// Names of the classes of `shape_picture`, by label: circle, square, triangle, ...
std::span<const std::string_view> shape_classes();

/// The class of picture `index`: the classes follow each other in turn.
int shape_label(std::uint64_t index);

/// Picture `index` of an endless labelled set, as large as `extent`: one figure, texture or gradient with random
/// colours, position, size and direction, in the middle square where the picture is none. A pure function of its
/// arguments, the same bytes on every platform; the scene does not depend on the size. Throws `Error` when a side is
/// below 1 or the picture would exceed `max_image_pixels`.
files::Image shape_picture(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index);

/// Names of the classes of `landscape_picture`, by label: meadow, autumn, winter, lake, coast, desert.
std::span<const std::string_view> landscape_classes();

/// The class of picture `index`: the classes follow each other in turn.
int landscape_label(std::uint64_t index);

/// Picture `index` of an endless labelled set of landscapes, as large as `extent`: hour, weather, terrain, village,
/// trees and water are random, the season or place is the class. A pure function of its arguments, the same bytes on
/// every platform; the scene depends on the proportions, not on the size: a wider picture shows more of it. Throws as
/// `shape_picture`.
files::Image landscape_picture(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index);

/// Video `index`, `extent.frames` pictures: the landscape of that number while clouds drift, the camera turns to one
/// side, waves run and the hour changes. Frame f is a function of seed, index, f and the proportions, whatever the
/// number of frames. Throws as `shape_picture`.
std::vector<files::Image> landscape_video(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index);

}  // namespace llsa::datasets
