// Draws panels without a window and looks at pixels and geometry. Skipped where there is no EGL with OpenGL 3.3.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "files/safetensors.hpp"
#include "screen.hpp"
#include "viewer/model/figures.hpp"

namespace llsa::viewer {
namespace {

double distance(plot::Rgb a, plot::Rgb b) { return std::hypot(std::hypot(a.r - b.r, a.g - b.g), a.b - b.b); }

plot::Rgb pixel(const Image& image, Point at) {
  const std::uint8_t* p = image.pixel(static_cast<int>(at.x), static_cast<int>(at.y));
  return {p[0], p[1], p[2]};
}

int count_near(const Image& image, plot::Rgb wanted, double tolerance) {
  int count = 0;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    count += distance({image.rgb[i], image.rgb[i + 1], image.rgb[i + 2]}, wanted) <= tolerance;
  return count;
}

TEST_F(Panels, the_weights_of_every_cell_have_the_colour_of_their_value) {
  open_small();
  work->view.weights_opacity = 1;
  for (const WeightKind kind : {WeightKind::llsa, WeightKind::dense, WeightKind::difference}) {
    work->view.weights = kind;
    Screen screen(*work, 600, 560);
    const Image image = screen.draw(Panel::weights);
    const std::vector<float>& values = work->query()->weights(kind);
    const ColorScale scale(work->view.weight_colors, values, kind == WeightKind::difference);
    const double cell = screen.ui().picture.camera.zoom.x;
    for (std::int64_t c = 0; c < 256; ++c) {
      // Off the middle of the cell: its number may stand there; not where the query's ring is.
      if (std::abs(c % 16 - work->view.query_cell % 16) <= 1 && std::abs(c / 16 - work->view.query_cell / 16) <= 1)
        continue;
      const Point middle = center_of(screen, c);
      const plot::Rgb seen = pixel(image, {middle.x - cell * 0.4, middle.y - cell * 0.4});
      EXPECT_LE(distance(seen, scale.color(static_cast<double>(values[static_cast<std::size_t>(c)]))), 3) << c;
    }
  }
}

TEST_F(Panels, the_map_of_errors_has_the_colour_of_every_query_and_a_click_goes_there) {
  open_small();
  Screen screen(*work, 700, 640);
  const Image image = screen.draw(Panel::errors);
  const std::vector<float>& errors = work->shown().result().error->query_error;
  const Head& head = *work->query()->head->head;
  const ColorScale scale(work->view.error_colors, errors, false);
  const double cell = screen.ui().picture.camera.zoom.x;
  for (const std::int64_t c : {0, 40, 111, 200, 255}) {
    const Point middle = center_of(screen, c);
    const float error = errors[static_cast<std::size_t>(head.query_position(c))];
    EXPECT_LE(
        distance(pixel(image, {middle.x - cell * 0.4, middle.y - cell * 0.4}), scale.color(static_cast<double>(error))),
        3)
        << c;
  }
  screen.click(center_of(screen, 40), Panel::errors);
  EXPECT_EQ(work->view.query_cell, 40);
}

TEST_F(Panels, automatic_dense_attention_is_explained_and_a_button_asks_for_a_level) {
  work->open({}, {.picture_size = Grid{1, 16, 16}});
  work->finish();
  ASSERT_EQ(work->query()->head->levels(), 0) << "256 tokens are few";
  Screen screen(*work, 400, 300);
  for (const Panel panel : {Panel::pyramid, Panel::blocks, Panel::popularity}) {
    work->side(0).settings.how.options.levels.reset();
    work->finish();
    screen.draw(panel);
    // The button is in the middle, under the sentence: look for it from there downwards.
    for (int y = 120; y < 220 && !work->side(0).settings.how.options.levels; y += 4)
      screen.click({200, static_cast<double>(y)}, panel);
    EXPECT_EQ(work->side(0).settings.how.options.levels, 1) << name_of(panel);
    screen.draw(panel);
    EXPECT_EQ(work->query()->head->levels(), 1);
  }
}

TEST_F(Panels, a_selected_token_among_thousands_of_candidates_is_seen) {
  work->side(0).settings.how.options = {.block_size = 4, .levels = 1, .top_k = {3}};
  work->open({}, {.picture_size = Grid{1, 128, 128}});
  work->finish();
  Screen screen(*work, 600, 400);
  const Image image = screen.draw(Panel::pyramid);
  EXPECT_GT(count_near(image, level_color(1), 12), 3 * 2 * 20) << "three bars of two pixels, most of a row high";
}

TEST_F(Panels, a_click_chooses_the_query_under_the_cursor) {
  open_small();
  for (const Panel panel : {Panel::overlay, Panel::weights, Panel::popularity}) {
    Screen screen(*work, 700, 600);
    screen.draw(panel);
    for (const std::int64_t cell : {0, 255, 16 * 5 + 11}) {
      screen.click(center_of(screen, cell), panel);
      EXPECT_EQ(work->view.query_cell, cell) << name_of(panel);
      EXPECT_EQ(work->query()->head->head->query_cell(work->query()->position), cell);
    }
  }
}

TEST_F(Panels, selected_blocks_are_outlined_in_the_colour_of_their_level) {
  open_small();
  work->view.level = 2;
  work->view.only_level = true;
  Screen screen(*work, 700, 600);
  const Image image = screen.draw(Panel::overlay);
  const QueryView& query = *work->query();
  for (const Candidate& c : query.level(2).candidates) {
    const auto cells = key_cells(*query.head, {2, c.token});
    const CellShape region = query.head->head->key_cells.region(cells);
    const Segment& top = region.outline.front();
    const Point middle = screen.ui().picture.camera.to_screen(Point{(top.a.x + top.b.x) / 2, (top.a.y + top.b.y) / 2});
    bool outlined = false;
    for (int dy = -1; dy <= 1; ++dy) outlined |= distance(pixel(image, {middle.x, middle.y + dy}), level_color(2)) < 70;
    EXPECT_TRUE(outlined || c.rank < 0) << c.token;
  }
}

TEST_F(Panels, not_a_number_is_shown_in_its_own_colour) {
  TemporaryFolder folder;
  std::vector<float> values(16 * 4, 0.5f);
  values[5 * 4] = std::nanf("");
  std::vector<files::NamedTensor> tensors;
  for (const char* name : {"q", "k", "v"})
    tensors.emplace_back(name, std::vector<std::int64_t>{16, 4}, std::span<const float>(values));
  files::write_safetensors(folder / "nan.safetensors", tensors, {{"grid", "4x4"}, {"order", "raster"}});
  work->open({folder / "nan.safetensors"}, {});
  work->view.weights = WeightKind::dense;
  work->view.weights_opacity = 1;
  work->finish();
  Screen screen(*work, 500, 500);
  const Image image = screen.draw(Panel::weights);
  EXPECT_GT(count_near(image, plot::color_map("viridis").missing(), 3), 20000);
  for (int i = 0; i < panel_count; ++i) screen.draw(static_cast<Panel>(i));
}

TEST_F(Panels, every_panel_draws_something_for_every_kind_of_input) {
  const Grid sizes[] = {{1, 4, 4}, {1, 25, 40}, {1, 1, 7}, {1, 64, 64}};
  for (const Grid size : sizes) {
    work = std::make_unique<Workspace>(1);
    work->open({}, {.picture_size = size});
    work->view.compare = true;
    work->finish();
    for (const char* theme : {"dark", "light"}) {
      work->view.theme = theme;
      Screen screen(*work, 640, 420);
      for (int i = 0; i < panel_count; ++i) {
        const Image image = screen.draw(static_cast<Panel>(i));
        const std::size_t first = 3 * static_cast<std::size_t>(640 * 200 + 5);
        int different = 0;
        for (std::size_t p = 0; p < image.rgb.size(); p += 3) different += image.rgb[p] != image.rgb[first];
        EXPECT_GT(different, 300) << name_of(static_cast<Panel>(i)) << " " << size.height << "x" << size.width;
      }
      EXPECT_GT(count_near(screen.draw({}), {255, 255, 255}, 30), std::string(theme) == "light" ? 5000 : 0);
    }
  }
}

TEST_F(Panels, keys_choose_levels_weights_and_the_theme) {
  open_small();
  Screen screen(*work, 700, 500);
  screen.draw({});
  screen.type('2', {});
  EXPECT_EQ(work->level(), 2);
  screen.type('9', {});
  EXPECT_EQ(work->level(), 2);
  screen.type('w', {});
  EXPECT_EQ(work->view.weights, WeightKind::dense);
  screen.type('t', {});
  EXPECT_EQ(work->view.theme, "light");
  screen.type('?', {});
  EXPECT_TRUE(screen.ui().requests.help);
  screen.type('c', {});
  EXPECT_TRUE(work->view.compare);
  EXPECT_TRUE(work->side(1).query());
}

TEST_F(Panels, the_wheel_zooms_to_the_cursor_and_fit_goes_back) {
  open_small();
  Screen screen(*work, 700, 600);
  screen.draw(Panel::overlay);
  const Point at = center_of(screen, 37);
  const double zoom = screen.ui().picture.camera.zoom.x;
  screen.move(at);
  screen.draw(Panel::overlay, 1);
  ImGui::GetIO().MouseWheel = 5;
  screen.draw(Panel::overlay, 2);
  EXPECT_GT(screen.ui().picture.camera.zoom.x, zoom * 2);
  const Point after = center_of(screen, 37);
  EXPECT_NEAR(after.x, at.x, 1.5);
  EXPECT_NEAR(after.y, at.y, 1.5);
  screen.type('f', Panel::overlay);
  EXPECT_NEAR(screen.ui().picture.camera.zoom.x, zoom, 1e-9);
}

TEST_F(Panels, the_tooltip_stands_beside_what_it_explains) {
  open_small();
  Screen screen(*work, 900, 600);
  screen.draw(Panel::weights);
  const Image before = screen.draw(Panel::weights);
  const std::int64_t cell = 16 * 3 + 2;
  const Point middle = center_of(screen, cell);
  screen.move(middle);
  const Image after = screen.draw(Panel::weights, 4);
  const double half = screen.ui().picture.camera.zoom.x / 2 - 3;
  int changed = 0, changed_inside = 0;
  for (int y = 0; y < after.height; ++y)
    for (int x = 0; x < after.width; ++x)
      if (distance(pixel(before, {x + 0.0, y + 0.0}), pixel(after, {x + 0.0, y + 0.0})) > 40) {
        ++changed;
        changed_inside += std::abs(x - middle.x) < half && std::abs(y - middle.y) < half;
      }
  EXPECT_GT(changed, 3000);
  EXPECT_EQ(changed_inside, 0);
  EXPECT_NE(screen.ui().under_cursor.find("fine key"), std::string::npos);
}

TEST_F(Panels, a_click_on_the_colour_of_a_level_leaves_it_out) {
  open_small();
  Screen screen(*work, 700, 600);
  const int both = count_near(screen.draw(Panel::overlay), level_color(2), 40);
  // The coarsest level's colour comes first in the legend, under the title.
  for (int y = 24; y < 60 && !work->view.hides(2); y += 4)
    for (int x = 8; x < 24 && !work->view.hides(2); x += 4) screen.click({double(x), double(y)}, Panel::overlay);
  ASSERT_TRUE(work->view.hides(2));
  EXPECT_FALSE(work->view.hides(1));
  screen.move({690, 590});
  const int without = count_near(screen.draw(Panel::overlay), level_color(2), 40);
  EXPECT_LT(without, both / 2);
}

}  // namespace
}  // namespace llsa::viewer
