#include "viewer/model/layout.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

TEST(Layout, is_read_in_any_common_spelling) {
  EXPECT_EQ(layout_from("bhnd"), "bhnd");
  EXPECT_EQ(layout_from("BNHD"), "bnhd");
  EXPECT_EQ(layout_from("[batch, heads, tokens, dim]"), "bhnd");
  EXPECT_EQ(layout_from("batch seq heads head_dim"), "bnhd");
  EXPECT_EQ(layout_from("tokens,heads,dim"), "nhd");
  EXPECT_EQ(layout_from("nd"), "nd");
}

TEST(Layout, what_is_no_layout_is_refused) {
  for (const char* text : {"", "bh", "bhn", "bhdn", "bhnx", "bbnd", "batch, heads, pixels, dim", "bhndd", "?"})
    EXPECT_TRUE(error_of([&] { layout_from(text); }).starts_with("layout is '")) << text;
}

RC_GTEST_PROP(Layout, every_element_is_found_again_at_its_place, ()) {
  const std::size_t rank = static_cast<std::size_t>(*rc::gen::inRange(2, 5));
  const std::string layout = *rc::gen::elementOf(layouts_of_rank(rank));
  std::vector<std::int64_t> extents;
  std::int64_t count = 1;
  for (std::size_t i = 0; i < rank; ++i) count *= extents.emplace_back(*rc::gen::inRange(1, 5));
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor<float> tensor =
      files::to_bhnd<float>(files::NamedTensor("q", extents, std::span<const float>(values)), layout);
  const auto extent = [&](char axis) {
    const auto at = layout.find(axis);
    return at == std::string::npos ? 1 : extents[at];
  };
  RC_ASSERT(tensor.shape() == (Shape{extent('b'), extent('h'), extent('n'), extent('d')}));
  for (std::int64_t b = 0; b < extent('b'); ++b)
    for (std::int64_t h = 0; h < extent('h'); ++h)
      for (std::int64_t n = 0; n < extent('n'); ++n)
        for (std::int64_t d = 0; d < extent('d'); ++d) {
          std::int64_t stored = 0;
          for (const char axis : layout)
            stored = stored * extent(axis) + (axis == 'b' ? b : axis == 'h' ? h : axis == 'n' ? n : d);
          RC_ASSERT(tensor(b, h, n, d) == static_cast<float>(stored));
        }
}

TEST(Layout, the_rank_must_fit) {
  const std::vector<float> values(6);
  const files::NamedTensor tensor("q", {2, 3}, std::span<const float>(values));
  EXPECT_EQ(error_of([&] { files::to_bhnd<float>(tensor, "bhnd"); }), "tensor 'q' has shape [2, 3]; layout bhnd has 4 axes");
}

TEST(Grid, is_read_in_any_common_spelling) {
  EXPECT_EQ(grid_from("25x40"), (Grid{1, 25, 40}));
  EXPECT_EQ(grid_from("[25, 40]"), (Grid{1, 25, 40}));
  EXPECT_EQ(grid_from("4 25 40"), (Grid{4, 25, 40}));
  EXPECT_EQ(to_string(grid_from("4x25x40")), "4x25x40");
  EXPECT_EQ(to_string(Grid{1, 25, 40}), "25x40");
}

TEST(Grid, what_is_no_grid_is_refused) {
  for (const char* text : {"", "25", "25x", "0x4", "2x3x4x5", "-2x3", "axb", "2.5x4", "99999999999x2", "2147483648x1"})
    EXPECT_TRUE(error_of([&] { grid_from(text); }).starts_with("grid is '")) << text;
}

TEST(Grid, every_factorisation_is_offered_most_square_first) {
  const auto grids = grids_of(12);
  ASSERT_EQ(grids.size(), 6u);
  EXPECT_EQ(std::max(grids[0].height, grids[0].width), 4);
  EXPECT_EQ(std::max(grids[5].height, grids[5].width), 12);
  for (const Grid g : grids) EXPECT_EQ(g.size(), 12);
  EXPECT_EQ(grids_of(16).size(), 5u);
}

}  // namespace
}  // namespace llsa::viewer
