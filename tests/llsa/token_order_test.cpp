#include "llsa/token_order.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

#include "support/check.hpp"

namespace llsa::testing {
namespace {

using Cell = std::array<std::int64_t, 3>;

Cell cell(const Grid& grid, std::int64_t raster) {
  return {raster / (grid.height * grid.width), raster / grid.width % grid.height, raster % grid.width};
}

/// Distances along each axis between two consecutive tokens, largest first.
Cell step(const Grid& grid, const TokenOrder& order, std::size_t i) {
  const Cell from = cell(grid, order.to_raster()[i - 1]), to = cell(grid, order.to_raster()[i]);
  Cell distance;
  for (std::size_t a = 0; a < 3; ++a) distance[a] = std::abs(to[a] - from[a]);
  std::ranges::sort(distance, std::greater{});
  return distance;
}

void expect_bijection(const TokenOrder& order, const Grid& grid) {
  ASSERT_EQ(order.size(), grid.size());
  std::vector<std::int64_t> sorted = order.to_raster();
  std::ranges::sort(sorted);
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    ASSERT_EQ(sorted[static_cast<std::size_t>(i)], i);
    ASSERT_EQ(order.from_raster()[static_cast<std::size_t>(order.to_raster()[static_cast<std::size_t>(i)])], i);
  }
}

TEST(TokenOrder, every_order_is_a_bijection_on_every_small_grid) {
  for (const char* name : {"raster", "morton", "hilbert"})
    for (std::int64_t frames = 1; frames <= 5; ++frames)
      for (std::int64_t height = 1; height <= 20; ++height)
        for (std::int64_t width = 1; width <= 20; ++width) {
          const Grid grid{frames, height, width};
          expect_bijection(token_order(name, grid), grid);
          if (HasFatalFailure()) FAIL() << name << " " << frames << " x " << height << " x " << width;
        }
}

TEST(TokenOrder, long_and_thin_grids_are_fine) {
  for (const char* name : {"raster", "morton", "hilbert"})
    for (const Grid& grid :
         {Grid{1, 1, 100000}, Grid{1, 100000, 1}, Grid{100000, 1, 1}, Grid{1, 2, 50001}, Grid{3, 1, 777}})
      expect_bijection(token_order(name, grid), grid);
}

TEST(RasterOrder, is_the_identity) {
  const TokenOrder order = raster_order({2, 3, 4});
  for (std::int64_t i = 0; i < 24; ++i) EXPECT_EQ(order.to_raster()[static_cast<std::size_t>(i)], i);
}

/// All bits of (frame, row, column) interleaved, columns lowest.
std::int64_t interleaved(const Cell& c) {
  std::int64_t key = 0;
  for (int bit = 0; bit < 12; ++bit)
    for (std::size_t axis = 0; axis < 3; ++axis) key |= (c[axis] >> bit & 1) << (3 * bit + 2 - static_cast<int>(axis));
  return key;
}

TEST(MortonOrder, sorts_cells_by_interleaved_bits) {
  check("Morton order sorts by interleaved bits", [] {
    const Grid grid{*rc::gen::inRange<std::int64_t>(1, 9), *rc::gen::inRange<std::int64_t>(1, 40),
                    *rc::gen::inRange<std::int64_t>(1, 40)};
    std::vector<std::int64_t> expected(static_cast<std::size_t>(grid.size()));
    std::iota(expected.begin(), expected.end(), 0);
    std::ranges::sort(expected, {}, [&](std::int64_t i) { return interleaved(cell(grid, i)); });
    RC_ASSERT(morton_order(grid).to_raster() == expected);
  });
}

/// True when tokens [i * n, (i + 1) * n) are an aligned side x side square for every i.
bool blocks_are_squares(const TokenOrder& order, std::int64_t width, std::int64_t side) {
  for (std::int64_t first = 0; first < order.size(); first += side * side) {
    const std::int64_t start = order.to_raster()[static_cast<std::size_t>(first)];
    for (std::int64_t i = first; i < first + side * side; ++i) {
      const std::int64_t raster = order.to_raster()[static_cast<std::size_t>(i)];
      if (raster / width / side != start / width / side || raster % width / side != start % width / side) return false;
    }
  }
  return true;
}

TEST(MortonOrder, blocks_of_16_and_256_are_square_patches_on_power_of_two_squares) {
  for (const std::int64_t side : {16, 32, 64, 128})
    for (const std::int64_t patch : {2, 4, 8, 16})
      EXPECT_TRUE(blocks_are_squares(morton_order({1, side, side}), side, patch));
}

TEST(HilbertOrder, blocks_of_16_and_256_are_square_patches_on_power_of_two_squares) {
  for (const std::int64_t side : {16, 32, 64, 128})
    for (const std::int64_t patch : {2, 4, 8, 16})
      EXPECT_TRUE(blocks_are_squares(hilbert_order({1, side, side}), side, patch));
}

/// One diagonal step where the longer side is odd and the shorter even (a path from one corner to the next along the
/// longer side cannot alternate the colours of a chess board there), none elsewhere.
TEST(HilbertOrder, every_step_on_a_picture_goes_to_a_neighbour_but_for_one_unavoidable_diagonal) {
  for (std::int64_t height = 1; height <= 40; ++height)
    for (std::int64_t width = 1; width <= 40; ++width) {
      const Grid grid{1, height, width};
      const TokenOrder order = hilbert_order(grid);
      int diagonal = 0;
      for (std::size_t i = 1; i < order.to_raster().size(); ++i) {
        const Cell distance = step(grid, order, i);
        if (distance == Cell{1, 1, 0}) {
          ++diagonal;
        } else {
          ASSERT_EQ(distance, (Cell{1, 0, 0})) << height << " x " << width << " at " << i;
        }
      }
      const bool unavoidable = std::max(height, width) % 2 == 1 && std::min(height, width) % 2 == 0;
      ASSERT_EQ(diagonal, unavoidable ? 1 : 0) << height << " x " << width;
    }
}

TEST(HilbertOrder, steps_in_space_are_to_neighbours_and_mostly_along_an_axis) {
  std::int64_t steps = 0, diagonal = 0;
  for (std::int64_t frames = 1; frames <= 10; ++frames)
    for (std::int64_t height = 1; height <= 10; ++height)
      for (std::int64_t width = 1; width <= 10; ++width) {
        const Grid grid{frames, height, width};
        const TokenOrder order = hilbert_order(grid);
        const bool even = frames % 2 == 0 && height % 2 == 0 && width % 2 == 0;
        for (std::size_t i = 1; i < order.to_raster().size(); ++i) {
          const Cell distance = step(grid, order, i);
          ASSERT_LE(distance[0] + distance[1] + distance[2], even ? 1 : 2)
              << frames << " x " << height << " x " << width;
          ASSERT_EQ(distance[0], 1);
          diagonal += distance[1];
          ++steps;
        }
      }
  EXPECT_LT(diagonal * 50, steps);
}

TEST(HilbertOrder, a_single_frame_is_the_order_of_the_picture_whatever_axis_is_flat) {
  const TokenOrder picture = hilbert_order({1, 12, 17});
  const TokenOrder film = hilbert_order({12, 1, 17});
  EXPECT_EQ(picture.to_raster(), film.to_raster());
}

TEST(TokenOrder, one_that_is_no_bijection_is_rejected) {
  expect_error("token order: position 1 holds raster index 3; it must be 0 to 2", [] { TokenOrder({0, 3, 1}); });
  expect_error("token order: position 2 holds raster index -1; it must be 0 to 2", [] { TokenOrder({0, 2, -1}); });
  expect_error("token order: positions 0 and 2 both hold raster index 1; each must appear once", [] {
    TokenOrder({1, 0, 1});
  });
}

TEST(TokenOrder, unknown_names_and_impossible_grids_are_named) {
  expect_error("token order is 'zigzag'; it must be raster, morton or hilbert", [] {
    token_order("zigzag", {1, 2, 2});
  });
  for (const char* name : {"raster", "morton", "hilbert"}) {
    expect_error("grid is 1 x 0 x 5; every extent must be at least 1", [&] { token_order(name, {1, 0, 5}); });
    expect_error("grid is -1 x 2 x 5; every extent must be at least 1", [&] { token_order(name, {-1, 2, 5}); });
    expect_error("grid is 2 x 2000000 x 2000000; at most 2147483647 cells are allowed", [&] {
      token_order(name, {2, 2000000, 2000000});
    });
  }
}

}  // namespace
}  // namespace llsa::testing
