#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "datasets/landscape_parts.hpp"

/// How a landscape changes from frame to frame of a video. Compiled as canvas.hpp says.
namespace llsa::datasets {

inline Hour blend(const Hour& a, const Hour& b, double t) {
  return {blend(a.zenith, b.zenith, t), blend(a.low_sky, b.low_sky, t), blend(a.disc, b.disc, t),
          blend(a.cloud, b.cloud, t),   blend(a.shade, b.shade, t),     blend(a.light, b.light, t)};
}

/// The light of one moment, and how much of it is night's, 0 to 1.
struct Moment {
  Hour hour = noon;
  double dark = 0;
};

/// Speeds of one video, a frame. At frame 0 nothing has moved yet.
class Motion {
 public:
  /// How far the camera turns, in heights of a picture.
  static constexpr double reach = 0.5;

  Motion() = default;
  explicit Motion(Random random) {
    turn_ = random.range(0.008, 0.022) * (random.flip() ? 1 : -1);
    wind_ = random.range(0.012, 0.035) * (random.flip() ? 1 : -1);
    sail_ = random.range(0.004, 0.01) * (random.flip() ? 1 : -1);
    passing_ = random.range(0.015, 0.04);
  }

  /// Where the left edge of the picture is; it goes to one side and comes back.
  double pan(double frame) const {
    const double way = std::abs(turn_) * frame / (2 * reach), there = 1 - std::abs(1 - 2 * (way - std::floor(way)));
    return (turn_ < 0 ? -reach : reach) * there;
  }
  bool turns_left() const { return turn_ < 0; }
  double clouds(double frame) const { return wind_ * frame; }
  double boats(double frame) const { return sail_ * frame; }

  /// The light so long after the hour `begin`: morning, noon, evening, night, morning, ...
  Moment light(const Hour& begin, double frame) const {
    const std::array<const Hour*, 4> day{&morning, &noon, &evening, &night};
    std::size_t first = 0;
    while (day[first] != &begin) ++first;
    const double passed = passing_ * frame, whole = std::floor(passed), share = passed - whole;
    first = (first + static_cast<std::size_t>(whole)) % day.size();
    const std::size_t next = (first + 1) % day.size();
    return {blend(*day[first], *day[next], share),
            (day[first] == &night ? 1 - share : 0) + (day[next] == &night ? share : 0)};
  }

 private:
  double turn_ = 0, wind_ = 0, sail_ = 0, passing_ = 0;
};

}  // namespace llsa::datasets
