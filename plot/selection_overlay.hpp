#pragma once

#include <span>
#include <string>
#include <vector>

#include "plot/heat_map.hpp"
#include "plot/region.hpp"

namespace llsa::plot {

/// Tokens of one kind, shown together: each token is outlined on its own, all are tinted in the layer's colour.
struct OverlayLayer {
  std::string label = {};
  Color color = {};
  std::vector<Region> tokens = {};
  bool chosen = true;    ///< false: its tokens are faded like what no layer covers
  double tint = 0.35;    ///< opacity of the filling, 0 for outlines only
  double outline = 1.5;  ///< line width in points, 0 for none
};

/// A picture with sets of tokens drawn over it. What no chosen layer covers is faded, so that the eye goes to what was
/// chosen.
struct SelectionOverlay {
  std::string title = {};
  Image picture = {};
  std::vector<OverlayLayer> layers = {};  ///< later ones are drawn over earlier ones
  std::vector<Marker> markers = {};
  std::string marker_label = {};  ///< the markers' entry in the legend; none when empty
  double fade = 0.55;             ///< opacity of the white veil over what no chosen layer covers
  bool legend = true;             ///< under the picture
};

/// Draws into `area`; returns the picture's place. Regions may have another resolution than the picture (they are
/// stretched over it), but all the same one. Throws `Error` when they differ.
Rect draw_selection_overlay(Canvas& canvas, const Rect& area, const SelectionOverlay& overlay);

}  // namespace llsa::plot
