#include "plot/selection_overlay.hpp"

#include <gtest/gtest.h>

#include "drawing_checks.hpp"
#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

constexpr Rgb grey = rgb(0x404040), red = rgb(0xff0000), blue = rgb(0x0000ff);

Region cells(std::int64_t height, std::int64_t width, std::vector<std::pair<int, int>> list) {
  Region region(height, width);
  for (const auto& [row, column] : list) region.insert(row, column);
  return region;
}

Rgb mix(Rgb below, Rgb above, double alpha) {
  const auto channel = [&](int a, int b) { return static_cast<std::uint8_t>(a + alpha * (b - a) + 0.5); };
  return {channel(below.r, above.r), channel(below.g, above.g), channel(below.b, above.b)};
}

TEST(SelectionOverlay, every_cell_shows_its_layers_and_what_is_not_covered_is_faded) {
  SelectionOverlay overlay{.picture = Image(6, 4), .fade = 0.5};
  for (int i = 0; i < 24; ++i) set_pixel(overlay.picture, i % 6, i / 6, grey);
  overlay.layers = {
      {.label = "coarse",
       .color = blue,
       .tokens = {cells(4, 6, {{0, 0}, {0, 1}, {1, 0}}), cells(4, 6, {{3, 5}})},
       .tint = 0.4},
      {.label = "fine", .color = red, .tokens = {cells(4, 6, {{0, 0}}), cells(4, 6, {{2, 3}})}, .tint = 0.25}};
  Canvas canvas(420, 320);
  const Rect image_area = draw_selection_overlay(canvas, canvas.area().inset(10), overlay);
  const Image image = canvas.render();
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 6; ++column) {
      Rgb expected = grey;
      bool covered = false;
      for (const OverlayLayer& layer : overlay.layers)
        for (const Region& token : layer.tokens)
          if (token.contains(row, column)) {
            expected = mix(expected, layer.color == Color(blue) ? blue : red, layer.tint);
            covered = true;
          }
      if (!covered) expected = mix(grey, rgb(0xffffff), 0.5);
      const Point centre{image_area.x + (column + 0.5) * image_area.width / 6,
                         image_area.y + (row + 0.5) * image_area.height / 4};
      EXPECT_TRUE(close(color_at(image, centre), expected)) << row << ' ' << column;
    }
}

TEST(SelectionOverlay, a_layer_that_is_not_chosen_fades_and_is_still_outlined) {
  SelectionOverlay overlay{.picture = Image(4, 4), .fade = 0.5};
  overlay.layers = {
      {.label = "all", .color = red, .tokens = {cells(4, 4, {{1, 1}})}, .chosen = false, .tint = 0, .outline = 3}};
  Canvas canvas(200, 200);
  const Rect area = draw_selection_overlay(canvas, canvas.area().inset(10), overlay);
  const Image image = canvas.render();
  EXPECT_TRUE(close(color_at(image, {area.x + 1.5 * area.width / 4, area.y + 1.5 * area.height / 4}), {128, 128, 128}));
  EXPECT_EQ(color_at(image, {area.x + 1.5 * area.width / 4, area.y + area.height / 4}), red);
}

TEST(SelectionOverlay, a_token_is_outlined_along_its_cells_and_not_within) {
  SelectionOverlay overlay{.picture = Image(8, 8), .fade = 0};
  // An L of three cells, as on a ragged grid: not its bounding rectangle.
  overlay.layers = {
      {.label = "token", .color = red, .tokens = {cells(8, 8, {{2, 2}, {3, 2}, {3, 3}})}, .tint = 0, .outline = 2}};
  Canvas canvas(200, 200);
  const Rect area = draw_selection_overlay(canvas, canvas.area().inset(10), overlay);
  const Image image = canvas.render(4);
  const auto at = [&](double row, double column) {
    return color_at(image, {4 * (area.x + column * area.width / 8), 4 * (area.y + row * area.height / 8)});
  };
  EXPECT_EQ(at(2, 2.5), red);
  EXPECT_EQ(at(2.5, 3), red);
  EXPECT_EQ(at(3, 3.5), red);
  EXPECT_EQ(at(4, 3), red);
  EXPECT_EQ(at(3.5, 4), red);
  EXPECT_EQ(at(3, 2.5), rgb(0x000000));  // between two of its cells
  EXPECT_EQ(at(3.5, 3), rgb(0x000000));
  EXPECT_EQ(at(2, 3.5), rgb(0x000000));  // the corner that its bounding rectangle would have
}

TEST(SelectionOverlay, title_and_legend_stay_inside_and_the_legend_can_be_left_out) {
  SelectionOverlay overlay{.title = "What one query selects at each level of the hierarchy",
                           .picture = Image(5, 9),
                           .marker_label = "query pixel"};
  for (int i = 0; i < 4; ++i)
    overlay.layers.push_back({.label = "level " + std::to_string(i) + ", so many tokens",
                              .color = category_color(i),
                              .tokens = {cells(9, 5, {{i, i}})}});
  overlay.markers = {{4, 2}};
  Canvas canvas(260, 300);
  const Rect with = draw_selection_overlay(canvas, canvas.area().inset(4), overlay);
  EXPECT_TRUE(edge_is_clear(canvas, 1));
  EXPECT_TRUE(edge_is_clear(canvas, 2));
  overlay.legend = false;
  Canvas bare(260, 300);
  EXPECT_GT(draw_selection_overlay(bare, bare.area().inset(4), overlay).height, with.height);
}

TEST(SelectionOverlay, regions_of_different_grids_are_an_error) {
  SelectionOverlay overlay{.picture = Image(4, 4)};
  overlay.layers = {{.label = "a", .tokens = {cells(4, 4, {{0, 0}})}},
                    {.label = "b", .tokens = {cells(4, 5, {{0, 0}})}}};
  Canvas canvas(100, 100);
  EXPECT_THROW(draw_selection_overlay(canvas, canvas.area(), overlay), Error);
}

}  // namespace
}  // namespace llsa::plot
