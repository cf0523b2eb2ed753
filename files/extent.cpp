#include "files/extent.hpp"

#include <fmt/format.h>

#include <charconv>

#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

/// Takes a number of digits off the front of `text`.
bool take_number(std::string_view& text, std::int64_t& number) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

PictureExtent picture_extent_from(std::string_view text, std::string_view what) {
  PictureExtent extent;
  std::string_view rest = text;
  bool good = take_number(rest, extent.height);
  extent.width = extent.height;
  if (good && !rest.empty()) {
    good = rest.front() == 'x' || rest.front() == 'X';
    rest.remove_prefix(1);
    good = good && take_number(rest, extent.width) && rest.empty();
  }
  if (!good)
    throw Error(
        fmt::format("{} is {}; it must be pixels along a side, or height x width: 64 or 64x96", what, quote(text)));
  return extent;
}

std::string size_text(PictureExtent extent) {
  return extent.height == extent.width ? fmt::format("{}", extent.height)
                                       : fmt::format("{}x{}", extent.height, extent.width);
}

std::string describe(PictureExtent extent) {
  const std::string picture = fmt::format("{} x {} pixels", extent.height, extent.width);
  return extent.is_picture() ? picture : fmt::format("{} frames of {}", extent.frames, picture);
}

}  // namespace llsa::files
