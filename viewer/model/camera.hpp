#pragma once

#include "viewer/model/geometry.hpp"

namespace llsa::viewer {

/// Which part of a plane a panel shows: `screen = viewport centre + (world - centre) * zoom`, each axis on its own.
/// Zoom is kept positive and finite, so `to_world` always inverts `to_screen`.
class Camera {
 public:
  static constexpr double min_zoom = 1e-7, max_zoom = 1e7;

  Point center{0, 0};  ///< the world point in the middle of the viewport
  Point zoom{1, 1};    ///< screen pixels per world unit
  Box viewport{0, 0, 1, 1};

  Point to_screen(Point world) const;
  Point to_world(Point screen) const;
  Box to_screen(const Box& world) const;
  /// The world rectangle that fills the viewport.
  Box visible() const;

  /// Scales by `factor` so that the world point under `screen` stays there.
  void zoom_about(Point screen, Point factor);
  /// Moves what is shown by `delta` screen pixels.
  void pan(Point delta);
  /// Shows all of `world` in the middle; `square` keeps cells square. An empty rectangle changes nothing.
  void fit(const Box& world, bool square, double margin_pixels = 8);
  /// Keeps at least a part of `world` in sight, so that panning cannot lose it.
  void keep_in_sight(const Box& world);
};

}  // namespace llsa::viewer
