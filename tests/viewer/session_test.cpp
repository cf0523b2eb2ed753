#include "viewer/model/session.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

Session any_session() {
  Session session;
  session.files = {"a b.png", "/x/ü.safetensors"};
  session.profile = "p.json";
  session.hints = {.layout = "bnhd",
                   .order = "hilbert",
                   .grid = Grid{2, 3, 4},
                   .key_grid = Grid{1, 5, 6},
                   .picture_size = Grid{1, 7, 8},
                   .picture = "behind.png",
                   .in_order = *rc::gen::arbitrary<bool>(),
                   .seed = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1000))};
  for (Settings& settings : session.settings) {
    settings = (*small_problems()).settings;
    settings.how.options.top_k = {*rc::gen::inRange<std::int64_t>(1, 9), 3};
    settings.how.options.scale = *rc::gen::inRange(1, 99) / 8.0;
    settings.set = *rc::gen::inRange(0, 9);
    settings.batch = *rc::gen::inRange(0, 9);
    settings.head = *rc::gen::inRange(0, 9);
    settings.backend = "cuda";
  }
  ViewState& view = session.view;
  view.query_cell = *rc::gen::inRange(-1, 999);
  view.level = *rc::gen::inRange(1, 9);
  view.only_level = *rc::gen::arbitrary<bool>();
  for (const int level : {1, 5, max_levels})
    if (*rc::gen::arbitrary<bool>()) view.toggle_level(level);
  session.recent = {{"a.safetensors"}, {"q.npy", "k.npy", "v.npy"}};
  view.to_scale = *rc::gen::arbitrary<bool>();
  view.weights = *rc::gen::element(WeightKind::llsa, WeightKind::dense, WeightKind::difference);
  view.weights_opacity = *rc::gen::inRange(0, 9) / 8.0;
  view.weight_colors = {.map = "magma", .log = *rc::gen::arbitrary<bool>(), .low = 0.5, .high = 2};
  view.popularity_colors.high = 4.5;
  view.block_colors.map = "cividis";
  view.block_value = *rc::gen::element(BlockValue::rank, BlockValue::score);
  view.compare = *rc::gen::arbitrary<bool>();
  view.side = view.compare ? *rc::gen::inRange(0, 2) : 0;
  view.theme = *rc::gen::element<std::string>("dark", "light");
  view.scale = *rc::gen::inRange(4, 33) / 8.0;
  view.places[3] = {false, {0.25, 0.5, 0.75, 1}};
  return session;
}

RC_GTEST_PROP(Session, what_is_written_is_read_again, ()) {
  const Session session = any_session();
  const json written = json::parse(to_json(session).dump());
  const Session read = session_from(written);
  RC_ASSERT(to_json(read) == written);
  RC_ASSERT(read.files == session.files && read.profile == session.profile);
  RC_ASSERT(read.hints.grid == session.hints.grid && read.hints.order == session.hints.order);
  RC_ASSERT(same(read.settings[0], session.settings[0]) && same(read.settings[1], session.settings[1]));
  RC_ASSERT(read.settings[1].how.options.scale == session.settings[1].how.options.scale);
  RC_ASSERT(read.view.query_cell == session.view.query_cell && read.view.side == session.view.side);
  RC_ASSERT(read.view.weights == session.view.weights && read.view.block_value == session.view.block_value);
  RC_ASSERT(read.view.only_level == session.view.only_level && read.view.to_scale == session.view.to_scale);
  RC_ASSERT(read.view.hidden_levels == session.view.hidden_levels && read.recent == session.recent);
  RC_ASSERT(read.hints.picture == session.hints.picture);
  RC_ASSERT(read.view.level == session.view.level && read.view.compare == session.view.compare);
  RC_ASSERT(read.view.weights_opacity == session.view.weights_opacity && read.view.scale == session.view.scale);
  RC_ASSERT(read.view.theme == session.view.theme && read.view.weight_colors.log == session.view.weight_colors.log);
  RC_ASSERT(read.hints.in_order == session.hints.in_order && read.hints.seed == session.hints.seed);
  RC_ASSERT(read.hints.key_grid == session.hints.key_grid && read.hints.picture_size == session.hints.picture_size);
  RC_ASSERT(read.view.places[3].rect == session.view.places[3].rect && !read.view.places[3].open);
  RC_ASSERT(read.view.weight_colors.low == 0.5 && !read.view.block_colors.low);
}

TEST(Session, is_kept_in_a_file_and_absent_ones_are_fresh) {
  TemporaryFolder folder;
  const auto path = folder / "deep/er/session.json";
  EXPECT_EQ(to_json(load_session(path)), to_json(Session()));
  Session session;
  session.view.query_cell = 77;
  session.view.theme = "light";
  save_session(path, session);
  EXPECT_EQ(load_session(path).view.query_cell, 77);
  EXPECT_EQ(to_json(load_session(path)), to_json(session));
}

TEST(Session, bad_files_are_named_with_what_is_wrong) {
  TemporaryFolder folder;
  const auto expect = [&](const std::string& text, const std::string& what) {
    std::ofstream(folder / "s.json") << text;
    const std::string message = error_of([&] { load_session(folder / "s.json"); });
    EXPECT_TRUE(message.starts_with((folder / "s.json").string() + ": ")) << message;
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  expect("{", "not a session");
  expect("[]", "not a session");
  expect(R"({"version": 9})", "\"version\" is 9");
  expect(R"({"version": 1, "view": {"theme": "blue"}})", "\"theme\" is \"blue\"");
  expect(R"({"version": 1, "view": {"scale": 99}})", "\"scale\" is 99");
  expect(R"({"version": 1, "view": {"level": "x"}})", "\"level\"");
  expect(R"({"version": 1, "view": {"weight_colors": {"map": "jet"}}})", "jet");
  expect(R"({"version": 1, "settings": [{"block_size": "x"}]})", "block_size");
  expect(R"({"version": 1, "settings": [{"coverage": "x"}]})", "coverage");
  expect(R"({"version": 1, "settings": [{"method": "x"}]})", "method is 'x'");
  expect(R"({"version": 1, "hints": {"grid": "x"}})", "grid");
  expect(R"({"version": 1, "view": {"panels": {"overlay": {"rect": [0, 0, 9, 9]}}}})", "overlay");
}

TEST(Panel, names_go_there_and_back) {
  for (int i = 0; i < panel_count; ++i) EXPECT_EQ(panel_from(name_of(static_cast<Panel>(i))), static_cast<Panel>(i));
  EXPECT_NE(error_of([] { panel_from("nothing"); }).find("overlay"), std::string::npos);
}

TEST(Panel, default_places_of_open_panels_do_not_overlap) {
  for (const bool small : {false, true}) {
    const PanelPlaces places = default_places(small);
    for (std::size_t i = 0; i < places.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        if (!places[i].open || !places[j].open) continue;
        const Box &a = places[i].rect, &b = places[j].rect;
        EXPECT_TRUE(a.x0 >= b.x1 || b.x0 >= a.x1 || a.y0 >= b.y1 || b.y0 >= a.y1) << i << " " << j;
      }
  }
}

}  // namespace
}  // namespace llsa::viewer
