#pragma once

#include <array>
#include <string_view>

#include "viewer/model/geometry.hpp"

namespace llsa::viewer {

enum class Panel {
  controls,
  overlay,
  weights,
  pyramid,
  blocks,
  popularity,
  numbers,
  compare,
  profile,
  samples,
  errors,
  overview,
  judgement
};
inline constexpr int panel_count = 13;
std::string_view name_of(Panel panel);
/// Throws `Error` that lists the names.
Panel panel_from(std::string_view name);

/// Where a panel's window lies, in fractions of the area for windows.
struct PanelPlace {
  bool open = true;
  Box rect;
  friend bool operator==(const PanelPlace&, const PanelPlace&) = default;
};
using PanelPlaces = std::array<PanelPlace, panel_count>;
/// Where panels lie until a person moves them. In a small area only the controls, the selected blocks and the numbers
/// are open, so that all of them can be read.
PanelPlaces default_places(bool small = false);
/// Opens a panel at its default place; where it would cover an open one it takes half of the largest of those instead.
/// The controls keep their place.
void open_panel(PanelPlaces& places, Panel panel);
/// Closes a panel; a neighbour along its whole side grows into the room.
void close_panel(PanelPlaces& places, Panel panel);
/// A person has moved a panel, or some of its sides. A side that moved takes along all sides of open panels on the same
/// line, so that neighbours grow and shrink with it, none below `least_extent`; a panel that moved as a whole moves
/// alone.
void move_panel(PanelPlaces& places, Panel panel, const Box& to);
inline constexpr double least_extent = 0.06;
/// Whether an area of so many points is small.
constexpr bool is_small(double width, double height) { return width < 900 || height < 560; }

}  // namespace llsa::viewer
