#include "viewer/model/panel_places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "llsa/error.hpp"

namespace llsa::viewer {
namespace {

constexpr std::array<std::string_view, panel_count> panel_names = {
    "controls", "overlay", "weights", "pyramid", "blocks",   "popularity", "numbers",
    "compare",  "profile", "samples", "errors",  "overview", "judgement"};

PanelPlace& at(PanelPlaces& places, Panel panel) { return places[static_cast<std::size_t>(panel)]; }

bool overlap(const Box& a, const Box& b) {
  constexpr double seam = 1e-6;
  return a.x0 < b.x1 - seam && b.x0 < a.x1 - seam && a.y0 < b.y1 - seam && b.y0 < a.y1 - seam;
}

bool covers_another(const PanelPlaces& places, Panel panel) {
  const Box& own = places[static_cast<std::size_t>(panel)].rect;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (i != static_cast<std::size_t>(panel) && places[i].open && overlap(own, places[i].rect)) return true;
  return false;
}

/// The largest open panel besides the controls and `except`; none when there is none.
PanelPlace* largest(PanelPlaces& places, Panel except) {
  PanelPlace* found = nullptr;
  const auto area = [](const PanelPlace& place) { return place.rect.width() * place.rect.height(); };
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto panel = static_cast<Panel>(i);
    if (panel == except || panel == Panel::controls || !places[i].open) continue;
    if (!found || area(places[i]) > area(*found)) found = &places[i];
  }
  return found;
}

/// Takes the right or the lower half of a place, across its longer side; windows are wider than high.
Box take_half(Box& of) {
  constexpr double window_aspect = 1.6;
  Box half = of;
  if (of.width() * window_aspect > of.height()) {
    half.x0 = of.x1 = of.center().x;
  } else {
    half.y0 = of.y1 = of.center().y;
  }
  return half;
}

bool near(double a, double b) { return std::abs(a - b) < 1e-6; }

/// Grows `place` over `room` when both share a whole side.
bool grow_into(Box& place, const Box& room) {
  const bool same_rows = near(place.y0, room.y0) && near(place.y1, room.y1);
  const bool same_columns = near(place.x0, room.x0) && near(place.x1, room.x1);
  if (same_rows && near(place.x1, room.x0)) return place.x1 = room.x1, true;
  if (same_rows && near(place.x0, room.x1)) return place.x0 = room.x0, true;
  if (same_columns && near(place.y1, room.y0)) return place.y1 = room.y1, true;
  if (same_columns && near(place.y0, room.y1)) return place.y0 = room.y0, true;
  return false;
}

/// Moves every side of open panels on the line `from` to `to`, or as near as the smallest of them allows; the mover's
/// own side ends there, too.
void move_line(PanelPlaces& places, double Box::*low, double Box::*high, double from, double to, Panel mover) {
  if (near(from, to) || near(from, 0) || near(from, 1)) return;
  const auto each = [&](const auto& act) {
    for (std::size_t i = 0; i < places.size(); ++i)
      if (places[i].open && i != static_cast<std::size_t>(mover)) act(places[i].rect);
  };
  each([&](const Box& box) {
    if (near(box.*low, from)) to = std::min(to, box.*high - least_extent);
    if (near(box.*high, from)) to = std::max(to, box.*low + least_extent);
  });
  each([&](Box& box) {
    if (near(box.*low, from)) box.*low = to;
    if (near(box.*high, from)) box.*high = to;
  });
  Box& own = at(places, mover).rect;
  (std::abs(own.*low - to) < std::abs(own.*high - to) ? own.*low : own.*high) = to;
}

}  // namespace

std::string_view name_of(Panel panel) { return panel_names[static_cast<std::size_t>(panel)]; }

Panel panel_from(std::string_view name) {
  std::string known;
  for (std::size_t i = 0; i < panel_names.size(); ++i) {
    if (panel_names[i] == name) return static_cast<Panel>(i);
    known += (i ? ", " : "") + std::string(panel_names[i]);
  }
  throw Error(fmt::format("panel is '{}'; it must be one of: {}", name, known));
}

PanelPlaces default_places(bool small) {
  PanelPlaces places;
  const auto put = [&](Panel panel, bool open, Box rect) { places[static_cast<std::size_t>(panel)] = {open, rect}; };
  put(Panel::controls, true, {0, 0, 0.2, 1});
  put(Panel::overlay, true, {0.2, 0, 0.5, 0.56});
  put(Panel::weights, true, {0.5, 0, 0.8, 0.56});
  put(Panel::numbers, true, {0.8, 0, 1, 0.56});
  put(Panel::pyramid, true, {0.2, 0.56, 0.54, 1});
  put(Panel::blocks, true, {0.54, 0.56, 0.77, 1});
  put(Panel::popularity, true, {0.77, 0.56, 1, 1});
  put(Panel::compare, false, {0.5, 0, 1, 0.56});
  put(Panel::profile, false, {0.22, 0.04, 0.82, 0.84});
  put(Panel::samples, false, {0.2, 0.56, 0.77, 1});
  put(Panel::errors, false, {0.5, 0, 0.8, 0.56});
  put(Panel::overview, false, {0.5, 0, 1, 1});
  put(Panel::judgement, false, {0.2, 0.56, 0.8, 1});
  if (!small) return places;
  for (PanelPlace& place : places) place = {false, {0.38, 0, 1, 1}};
  put(Panel::controls, true, {0, 0, 0.38, 1});
  put(Panel::overlay, true, {0.38, 0, 1, 0.62});
  put(Panel::numbers, true, {0.38, 0.62, 1, 1});
  return places;
}

void open_panel(PanelPlaces& places, Panel panel) {
  PanelPlace& place = at(places, panel);
  if (place.open) return;
  place.rect = default_places()[static_cast<std::size_t>(panel)].rect;
  if (covers_another(places, panel))
    if (PanelPlace* const other = largest(places, panel)) place.rect = take_half(other->rect);
  place.open = true;
}

void close_panel(PanelPlaces& places, Panel panel) {
  PanelPlace& place = at(places, panel);
  if (!place.open) return;
  place.open = false;
  for (PanelPlace& other : places)
    if (other.open && grow_into(other.rect, place.rect)) break;
}

void move_panel(PanelPlaces& places, Panel panel, const Box& to) {
  Box& own = at(places, panel).rect;
  const Box was = own;
  own = to;
  const bool resized = !near(to.width(), was.width()) || !near(to.height(), was.height());
  if (!resized) return;
  move_line(places, &Box::x0, &Box::x1, was.x0, to.x0, panel);
  move_line(places, &Box::x0, &Box::x1, was.x1, to.x1, panel);
  move_line(places, &Box::y0, &Box::y1, was.y0, to.y0, panel);
  move_line(places, &Box::y0, &Box::y1, was.y1, to.y1, panel);
}

}  // namespace llsa::viewer
