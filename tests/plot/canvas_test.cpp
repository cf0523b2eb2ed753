#include "plot/canvas.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "drawing_checks.hpp"
#include "llsa/error.hpp"
#include "plot/text_block.hpp"

namespace llsa::plot {
namespace {

class CanvasFiles : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("llsa_plot_") + info->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator{}));
  }
  static std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::filesystem::path folder_;
};

TEST(Canvas, shapes_cover_the_pixels_they_should) {
  Canvas canvas(20, 10);
  canvas.fill({2, 3, 4, 5}, rgb(0xff0000));
  canvas.circle({15, 5}, 3, rgb(0x0000ff));
  const Image image = canvas.render();
  ASSERT_EQ(image.width, 20);
  ASSERT_EQ(image.height, 10);
  for (int y = 0; y < 10; ++y)
    for (int x = 0; x < 10; ++x)
      EXPECT_EQ(pixel(image, x, y), x >= 2 && x < 6 && y >= 3 && y < 8 ? rgb(0xff0000) : rgb(0xffffff))
          << x << ' ' << y;
  EXPECT_EQ(pixel(image, 15, 5), rgb(0x0000ff));
  EXPECT_EQ(pixel(image, 19, 9), rgb(0xffffff));
}

TEST(Canvas, a_dark_theme_turns_the_neutral_colours_round_and_leaves_the_others) {
  const Color red{1, 0, 0};
  const std::pair<Color, Color> expected[] = {
      {ink, light_ink}, {faint_ink, faint_light_ink}, {grid_line, dark_grid_line}, {white, dark_ground}, {red, red}};
  for (const auto& [given, shown] : expected) {
    for (const Theme theme : {Theme::light, Theme::dark}) {
      Canvas canvas(4, 4, black, theme);
      canvas.fill({0, 0, 4, 4}, given);
      Canvas same(4, 4, black);
      same.fill({0, 0, 4, 4}, theme == Theme::dark ? shown : given);
      EXPECT_EQ(canvas.render().rgb, same.render().rgb);
    }
  }
  Canvas faint(4, 4, black, Theme::dark);
  faint.fill({0, 0, 4, 4}, ink.with_alpha(0.5));
  EXPECT_NEAR(faint.render().rgb[0], light_ink.r * 255 / 2, 1.5) << "its opacity stays";
}

TEST(Canvas, a_larger_scale_shows_the_same_scene_in_more_pixels) {
  Canvas canvas(12, 8);
  canvas.fill({3, 2, 5, 4}, rgb(0x12ab34));
  const Image once = canvas.render(1), thrice = canvas.render(3);
  ASSERT_EQ(thrice.width, 36);
  ASSERT_EQ(thrice.height, 24);
  for (int y = 0; y < 24; ++y)
    for (int x = 0; x < 36; ++x) EXPECT_EQ(pixel(thrice, x, y), pixel(once, x / 3, y / 3));
}

TEST(Canvas, a_fractional_size_is_rounded_up_and_the_edge_is_background) {
  Canvas canvas(10.3, 6.1);
  const Image image = canvas.render(1.5);
  ASSERT_EQ(image.width, 16);
  ASSERT_EQ(image.height, 10);
  EXPECT_TRUE(edge_is_clear(canvas, 1.5));
  EXPECT_EQ(pixel(Canvas(4, 4, rgb(0x102030)).render(), 3, 3), rgb(0x102030));
}

TEST(Canvas, holes_stay_open_and_opacity_mixes) {
  Canvas canvas(10, 10);
  const std::vector<std::vector<Point>> frame{{{1, 1}, {9, 1}, {9, 9}, {1, 9}}, {{4, 4}, {6, 4}, {6, 6}, {4, 6}}};
  canvas.fill(frame, Color(1, 0, 0, 0.5));
  const Image image = canvas.render();
  EXPECT_TRUE(close(pixel(image, 2, 2), {255, 128, 128}));
  EXPECT_EQ(pixel(image, 5, 5), rgb(0xffffff));
}

TEST(Canvas, an_enlarged_picture_keeps_sharp_pixels_in_their_places) {
  Image picture(3, 2);
  for (int i = 0; i < 6; ++i) set_pixel(picture, i % 3, i / 3, Rgb{static_cast<std::uint8_t>(40 * i), 7, 200});
  Canvas canvas(40, 30);
  canvas.image(picture, {5, 5, 30, 20});
  for (const int scale : {1, 2, 3}) {
    const Image image = canvas.render(scale);
    for (int y = 0; y < 20 * scale; ++y)
      for (int x = 0; x < 30 * scale; ++x)
        EXPECT_EQ(pixel(image, 5 * scale + x, 5 * scale + y), pixel(picture, x / (10 * scale), y / (10 * scale)))
            << scale << ": " << x << ' ' << y;
    EXPECT_EQ(pixel(image, 5 * scale - 1, 10 * scale), rgb(0xffffff));
  }
}

TEST(Canvas, clipping_ends_where_it_should) {
  Canvas canvas(10, 10);
  canvas.begin_clip({0, 0, 5, 10});
  canvas.fill(canvas.area(), black);
  canvas.end_clip();
  canvas.fill({7, 0, 1, 1}, black);
  const Image image = canvas.render();
  EXPECT_EQ(pixel(image, 4, 5), rgb(0x000000));
  EXPECT_EQ(pixel(image, 5, 5), rgb(0xffffff));
  EXPECT_EQ(pixel(image, 7, 0), rgb(0x000000));
}

TEST(Canvas, text_lies_within_its_measured_width_and_leaves_no_trace_on_later_lines) {
  Canvas canvas(200, 40);
  const TextStyle style{.size = 12, .horizontal = HAlign::center, .vertical = VAlign::middle};
  const double width = canvas.text_width("Attention", style);
  canvas.text("Attention", {100, 20}, style);
  canvas.line({150, 5}, {190, 5}, {.color = rgb(0xff0000)});
  const Image image = canvas.render();
  int left = 200, right = 0;
  for (int y = 8; y < 40; ++y)
    for (int x = 0; x < 200; ++x)
      if (pixel(image, x, y) != rgb(0xffffff)) left = std::min(left, x), right = std::max(right, x);
  EXPECT_NEAR(left, 100 - width / 2, 2);
  EXPECT_NEAR(right, 100 + width / 2, 2);
}

TEST(Canvas, wrapped_text_fits_its_width_and_keeps_every_word) {
  Canvas canvas(300, 200);
  const TextStyle style{.size = 11};
  const std::string text = "one two three four five six\nseven eight extraordinarily long nine";
  std::string joined;
  for (const std::string& line : wrap(canvas, text, 80, style)) {
    EXPECT_TRUE(line.find(' ') == std::string::npos || canvas.text_width(line, style) <= 80) << line;
    joined += (joined.empty() ? "" : " ") + line;
  }
  EXPECT_EQ(joined, "one two three four five six seven eight extraordinarily long nine");
  EXPECT_EQ(wrap(canvas, "a\nb", 80, style).size(), 2u);
  EXPECT_EQ(wrap(canvas, "", 80, style).size(), 0u);
}

TEST(Canvas, a_legend_breaks_into_rows_and_uses_the_height_it_said) {
  Canvas canvas(220, 100);
  std::vector<LegendEntry> entries;
  for (int i = 0; i < 5; ++i) entries.push_back({"entry number " + std::to_string(i), category_color(i)});
  EXPECT_EQ(draw_legend(canvas, {10, 10, 200, 80}, entries), legend_height(canvas, 200, entries));
  EXPECT_GT(legend_height(canvas, 200, entries), 2 * legend_height(canvas, 2000, entries));
  EXPECT_TRUE(edge_is_clear(canvas, 2));
  const std::vector<LegendEntry> long_one{{std::string(40, 'm'), category_color(0)}};
  Canvas narrow(220, 30);
  draw_legend(narrow, {5, 5, 210, 20}, long_one);
  EXPECT_TRUE(edge_is_clear(narrow, 2));
}

TEST_F(CanvasFiles, png_and_svg_are_chosen_by_the_ending_and_nothing_else_is_left) {
  Canvas canvas(30, 20);
  canvas.text("x < y & \"z\"", {2, 15});
  canvas.save(folder_ / "a.PNG", 2);
  canvas.save(folder_ / "a.svg");
  EXPECT_EQ(files(), 2u);
  const Image png = files::read_image(folder_ / "a.PNG"), rendered = canvas.render(2);
  EXPECT_EQ(png, rendered);
  const std::string svg = content(folder_ / "a.svg");
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_NE(svg.find("<svg"), std::string::npos);
  EXPECT_NE(svg.find("viewBox=\"0 0 30 20\""), std::string::npos);
}

TEST_F(CanvasFiles, what_cannot_be_written_is_an_error_and_leaves_the_old_file) {
  Canvas canvas(5, 5);
  EXPECT_THROW(canvas.save(folder_ / "a.jpg"), Error);
  EXPECT_THROW(canvas.save(folder_ / "png"), Error);
  EXPECT_THROW(canvas.save(folder_ / "missing" / "a.png"), Error);
  std::filesystem::create_directories(folder_ / "folder.png");
  EXPECT_THROW(canvas.save(folder_ / "folder.png"), Error);
  std::ofstream(folder_ / "old.png") << "old";
  EXPECT_THROW(canvas.save(folder_ / "old.png", 99), Error);
  EXPECT_EQ(content(folder_ / "old.png"), "old");
  EXPECT_EQ(files(), 2u);
  EXPECT_THROW(Canvas(0, 5), Error);
  EXPECT_THROW(Canvas(5, 1e9), Error);
}

}  // namespace
}  // namespace llsa::plot
