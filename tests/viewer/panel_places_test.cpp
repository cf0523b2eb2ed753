#include "viewer/model/panel_places.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

PanelPlace& place(PanelPlaces& places, Panel panel) { return places[static_cast<std::size_t>(panel)]; }

double area(const Box& box) { return box.width() * box.height(); }

double common_area(const Box& a, const Box& b) {
  const double width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0),
               height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  return width > 0 && height > 0 ? width * height : 0;
}

/// Open panels cover the area exactly once.
void expect_tiled(const PanelPlaces& places) {
  double covered = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places[i].open) continue;
    covered += area(places[i].rect);
    EXPECT_GT(places[i].rect.width(), 0);
    EXPECT_GT(places[i].rect.height(), 0);
    for (std::size_t j = 0; j < i; ++j)
      if (places[j].open) {
        EXPECT_LT(common_area(places[i].rect, places[j].rect), 1e-6) << i << " " << j;
      }
  }
  EXPECT_NEAR(covered, 1, 1e-6);
}

TEST(PanelPlaces, the_default_places_leave_no_hole) {
  expect_tiled(default_places());
  expect_tiled(default_places(true));
}

TEST(PanelPlaces, a_new_panel_takes_half_of_the_largest_and_gives_it_back) {
  for (const bool small : {false, true})
    for (const Panel panel : {Panel::compare, Panel::samples, Panel::errors, Panel::overview, Panel::judgement}) {
      PanelPlaces places = default_places(small);
      const PanelPlaces before = places;
      open_panel(places, panel);
      EXPECT_TRUE(place(places, panel).open);
      expect_tiled(places);
      EXPECT_EQ(place(places, Panel::controls).rect, place(const_cast<PanelPlaces&>(before), Panel::controls).rect);
      open_panel(places, panel);
      expect_tiled(places);
      close_panel(places, panel);
      for (std::size_t i = 0; i < places.size(); ++i) {
        EXPECT_EQ(places[i].open, before[i].open);
        if (places[i].open) {
          EXPECT_LT(std::abs(area(places[i].rect) - area(before[i].rect)), 1e-6) << i;
        }
      }
    }
}

TEST(PanelPlaces, the_largest_panel_is_split_across_its_longer_side) {
  PanelPlaces places{};
  for (PanelPlace& each : places) each.open = false;
  place(places, Panel::controls) = {true, {0, 0, 0.5, 1}};  // the largest, which keeps its place
  place(places, Panel::overlay) = {true, {0.5, 0, 1, 0.75}};
  place(places, Panel::weights) = {true, {0.5, 0.75, 1, 1}};
  open_panel(places, Panel::overview);
  EXPECT_EQ(place(places, Panel::overlay).rect, (Box{0.5, 0, 0.75, 0.75}))
      << "half a wide window's width is more than 0.75 of its height";
  EXPECT_EQ(place(places, Panel::overview).rect, (Box{0.75, 0, 1, 0.75}));
  open_panel(places, Panel::errors);
  EXPECT_EQ(place(places, Panel::overlay).rect, (Box{0.5, 0, 0.75, 0.375}));
  EXPECT_EQ(place(places, Panel::errors).rect, (Box{0.5, 0.375, 0.75, 0.75}));
}

TEST(PanelPlaces, a_panel_whose_place_is_free_takes_it) {
  PanelPlaces places = default_places();
  for (const Panel panel : {Panel::weights, Panel::numbers}) place(places, panel).open = false;
  open_panel(places, Panel::compare);
  EXPECT_EQ(place(places, Panel::compare).rect, (Box{0.5, 0, 1, 0.56}));
}

RC_GTEST_PROP(PanelPlaces, opening_closing_and_moved_sides_leave_no_hole_and_no_overlap, ()) {
  PanelPlaces places = default_places();
  const int changes = *rc::gen::inRange(1, 12);
  for (int i = 0; i < changes; ++i) {
    const auto panel = static_cast<Panel>(*rc::gen::inRange(1, panel_count));
    PanelPlace& own = place(places, panel);
    if (!own.open) {
      open_panel(places, panel);
      expect_tiled(places);
      continue;
    }
    Box to = own.rect;
    double* const sides[] = {&to.x0, &to.y0, &to.x1, &to.y1};
    double& side = *sides[*rc::gen::inRange(0, 4)];
    if (side > 0.01 && side < 0.99) side += *rc::gen::inRange(-9, 10) / 100.0;
    if (to.width() < least_extent || to.height() < least_extent) continue;
    move_panel(places, panel, to);
    expect_tiled(places);
    for (const PanelPlace& each : places)
      if (each.open) RC_ASSERT(std::min(each.rect.width(), each.rect.height()) > least_extent - 1e-9);
  }
}

TEST(PanelPlaces, a_panel_that_moves_as_a_whole_moves_alone) {
  PanelPlaces places = default_places();
  const PanelPlaces before = places;
  move_panel(places, Panel::weights, {0.55, 0.05, 0.85, 0.61});
  for (std::size_t i = 0; i < places.size(); ++i)
    if (static_cast<Panel>(i) != Panel::weights) {
      EXPECT_TRUE(places[i] == before[i]);
    }
  EXPECT_EQ(place(places, Panel::weights).rect, (Box{0.55, 0.05, 0.85, 0.61}));
}

}  // namespace
}  // namespace llsa::viewer
