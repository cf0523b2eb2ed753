#include "viewer/model/commands.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace llsa::viewer {
namespace {

TEST(Commands, every_typed_key_that_is_listed_does_something) {
  Workspace work(1);
  Requests requests;
  for (const char32_t key : std::u32string_view(U"19F0WLMCYOEPGRVXT+-?fwlmcyoepgrvxt=hHsSbBkKnN[],."))
    EXPECT_TRUE(type_character(key, work, requests)) << static_cast<int>(key);
  for (const char32_t key : {U'z', U'ä', U' '}) EXPECT_FALSE(type_character(key, work, requests));
}

TEST(Commands, weights_maps_and_themes_go_round) {
  Workspace work(1);
  Requests requests;
  const auto type = [&](char32_t c) { type_character(c, work, requests); };
  type(U'w');
  EXPECT_EQ(work.view.weights, WeightKind::dense);
  type(U'w');
  type(U'w');
  EXPECT_EQ(work.view.weights, WeightKind::llsa);
  const std::string map = work.view.weight_colors.map;
  type(U'm');
  EXPECT_EQ(work.view.weight_colors.map, "magma");
  EXPECT_EQ(work.view.block_colors.map, "magma");
  type(U'm');
  type(U'm');
  EXPECT_EQ(work.view.weight_colors.map, map);
  type(U't');
  EXPECT_EQ(work.view.theme, "light");
  EXPECT_TRUE(requests.rescale_fonts);
  type(U't');
  EXPECT_EQ(work.view.theme, "dark");
}

TEST(Commands, comparing_opens_its_panel_and_ends_on_side_a) {
  Workspace work(1);
  Requests requests;
  const auto& place = work.view.places[static_cast<std::size_t>(Panel::compare)];
  type_character(U'c', work, requests);
  EXPECT_TRUE(work.view.compare && place.open);
  work.swap_sides();
  EXPECT_EQ(work.view.side, 1);
  type_character(U'c', work, requests);
  EXPECT_FALSE(work.view.compare || place.open);
  EXPECT_EQ(work.view.side, 0);
}

TEST(Commands, the_scale_stays_within_what_a_session_accepts) {
  Workspace work(1);
  Requests requests;
  for (int i = 0; i < 40; ++i) type_character(U'+', work, requests);
  EXPECT_EQ(work.view.scale, 4);
  for (int i = 0; i < 80; ++i) type_character(U'-', work, requests);
  EXPECT_EQ(work.view.scale, 0.5);
}

}  // namespace
}  // namespace llsa::viewer
