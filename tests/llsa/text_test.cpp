// What people read and write: grids, and text from files quoted in messages.
#include "llsa/grid_text.hpp"
#include "llsa/quote.hpp"
#include "support/check.hpp"

namespace llsa::testing {
namespace {

TEST(GridText, any_common_spelling_is_two_or_three_extents_in_their_order) {
  for (const char* text : {"25x40", "25X40", "[25, 40]", "25 40", "(25,40)", "1x25x40"})
    EXPECT_EQ(grid_from(text), (Grid{1, 25, 40})) << text;
  for (const char* text : {"4x25x40", "[4, 25, 40]", "4 25 40", "4*25*40"})
    EXPECT_EQ(grid_from(text), (Grid{4, 25, 40})) << text;
  EXPECT_EQ(grid_from("2147483647x1"), (Grid{1, 2147483647, 1})) << "the largest extent";
  EXPECT_EQ(text_of(Grid{1, 25, 40}), "25x40");
  EXPECT_EQ(text_of(Grid{2, 25, 40}), "2x25x40");
}

TEST(GridText, anything_else_is_quoted_with_what_is_allowed) {
  for (const char* text :
       {"", "25", "0x40", "25x0", "1x2x3x4", "25y40", "25x-4", "2147483648x1", "99999999999999999999x1"})
    expect_error(
        "grid is '" + std::string(text) + "'; it must be HxW or TxHxW with extents of at least 1, for example 256x256",
        [&] { grid_from(text); });
}

TEST(Quote, shows_sixty_characters_on_one_line_and_nothing_that_could_be_taken_for_the_end) {
  EXPECT_EQ(quote("plain"), "'plain'");
  EXPECT_EQ(quote("it's"), "'it\\'s'");
  EXPECT_EQ(quote("a\\b"), "'a\\\\b'");
  EXPECT_EQ(quote("a\nb\x7f\xff\x1f ~"), "'a\\x0ab\\x7f\\xff\\x1f ~'");
  EXPECT_EQ(quote(std::string(60, 'a')), "'" + std::string(60, 'a') + "'");
  EXPECT_EQ(quote(std::string(61, 'a')), "'" + std::string(60, 'a') + "...'");
}

}  // namespace
}  // namespace llsa::testing
