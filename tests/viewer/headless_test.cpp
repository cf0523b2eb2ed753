// What the viewer writes without a window, and how it lays windows out.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "files/safetensors.hpp"
#include "screen.hpp"
#include "viewer/app/screenshot.hpp"

namespace llsa::viewer {
namespace {

TEST_F(Panels, writing_without_a_window_gives_every_target_and_names_what_is_missing) {
  TemporaryFolder folder;
  Session session;
  session.hints.picture_size = Grid{1, 16, 16};
  session.settings[0].how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  Targets targets;
  targets.screenshot = (folder / "s.png").string();
  targets.figure = (folder / "f.svg").string();
  targets.selection = (folder / "s.json").string();
  targets.head = (folder / "h.csv").string();
  targets.width = 400, targets.height = 300, targets.scale = 2;
  targets.query = {3, 9};
  write_targets(session, targets, 1);
  EXPECT_EQ(files::read_image(folder / "s.png").width, 800);
  for (const char* name : {"f.svg", "s.json", "h.csv"})
    EXPECT_GT(std::filesystem::file_size(folder / name), 500u) << name;
  targets.query = {16, 0};
  EXPECT_NE(error_of([&] { write_targets(session, targets, 1); }).find("x 16"), std::string::npos);
  std::vector<float> values(64);
  std::vector<files::NamedTensor> tensors;
  for (const char* name : {"q", "k", "v"})
    tensors.emplace_back(name, std::vector<std::int64_t>{1, 1, 16, 4}, std::span<const float>(values));
  files::write_safetensors(folder / "a.safetensors", tensors);
  session.files = {folder / "a.safetensors"};
  EXPECT_NE(error_of([&] { write_targets(session, targets, 1); }).find("; say --grid, --stored-order"),
            std::string::npos);
  session.hints = {.order = "raster", .grid = Grid{1, 4, 4}};
  targets.query = {3, 3};
  const auto refused = [&](std::optional<std::int64_t> Targets::*index, std::int64_t value, const char* what) {
    Targets wanted = targets;
    wanted.*index = value;
    EXPECT_NE(error_of([&] { write_targets(session, wanted, 1); }).find(what), std::string::npos) << what;
  };
  refused(&Targets::set, 1, "--set is 1; this file has 0 to 0");
  refused(&Targets::batch, 7, "--batch is 7; this file has 0 to 0");
  refused(&Targets::head_index, 1, "--head is 1; this file has 0 to 0");
  refused(&Targets::level, 3, "--level is 3; this head has");
  refused(&Targets::level, 0, "--level is 0; this head has");
  Session with_profile = session;
  with_profile.profile = folder / "s.json";  // a selection
  EXPECT_NE(error_of([&] { write_targets(with_profile, targets, 1); }).find("s.json: no array \"benchmarks\""),
            std::string::npos);
  targets.screenshot = (folder / "s.gif").string();
  EXPECT_NE(error_of([&] { write_targets(session, targets, 1); }).find(".png"), std::string::npos);
}

TEST_F(Panels, a_small_window_shows_fewer_panels_until_a_person_says_otherwise) {
  open_small();
  const auto open = [this](Panel panel) { return work->view.places[static_cast<std::size_t>(panel)].open; };
  {
    Screen screen(*work, 640, 480);
    screen.draw({});
    EXPECT_TRUE(open(Panel::controls) && open(Panel::overlay) && open(Panel::numbers));
    EXPECT_FALSE(open(Panel::weights) || open(Panel::pyramid));
  }
  {
    Screen screen(*work, 1280, 800);
    screen.draw({});
    EXPECT_TRUE(open(Panel::weights) && open(Panel::pyramid));
  }
  {
    Screen screen(*work, 1280, 800, 3);  // as few points as the first
    screen.draw({});
    EXPECT_FALSE(open(Panel::weights));
    toggle_panel(*work, Panel::weights);
  }
  Screen screen(*work, 1280, 800);
  screen.draw({});
  EXPECT_TRUE(open(Panel::weights));
  EXPECT_FALSE(open(Panel::pyramid)) << "what was chosen stays";
}

TEST_F(Panels, a_recording_has_a_picture_for_each_and_an_animation_holds_them) {
  TemporaryFolder folder;
  Session session;
  session.hints.picture_size = Grid{1, 4, 6};
  session.settings[0].how.options = {.block_size = 4, .levels = 1, .top_k = {3}};
  Targets targets;
  targets.record = (folder / "shots").string();
  targets.record_over = "columns";
  targets.panel = Panel::overlay;
  targets.width = 200, targets.height = 160;
  targets.query = {2, 3};
  write_targets(session, targets, 1);
  std::vector<Image> pictures;
  for (int i = 0; i < 6; ++i) pictures.push_back(files::read_image(folder / fmt::format("shots/{:04}.png", i)));
  EXPECT_FALSE(std::filesystem::exists(folder / "shots/0006.png"));
  EXPECT_NE(pictures[0], pictures[1]);
  targets.record = (folder / "a.png").string();
  targets.record_over = "top-k";
  write_targets(session, targets, 1);
  EXPECT_EQ(files::read_image(folder / "a.png").width, 200);
  const std::string file = room::read_text(folder / "a.png");
  const auto at = file.find("acTL");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(file[at + 7], 3) << "K from 1 to 3";
  targets.record_over = "sets";
  EXPECT_EQ(error_of([&] { write_targets(session, targets, 1); }),
            "--record-over sets: there are 1; a recording has 2 to 1000 pictures");
  targets.record_over = "days";
  EXPECT_EQ(error_of([&] { write_targets(session, targets, 1); }),
            "--record-over is 'days'; it must be one of: steps, sets, heads, frames, columns, top-k");
}

TEST_F(Panels, frame_times_are_written_for_every_kind_of_action) {
  TemporaryFolder folder;
  Session session;
  session.hints.picture_size = Grid{1, 32, 32};
  session.settings[0].how.options = {.block_size = 4, .levels = 2, .top_k = {4}};
  Targets targets;
  targets.benchmark = (folder / "frames.json").string();
  targets.benchmark_frames = 12;
  targets.width = 640, targets.height = 480;
  write_targets(session, targets, 1);
  const auto json = nlohmann::json::parse(room::read_text(folder / "frames.json"));
  EXPECT_EQ(json["tokens"], (std::vector<int>{1, 32, 32}));
  EXPECT_EQ(json["pixels"], (std::vector<int>{640, 480}));
  for (const char* action : {"rest", "hover", "drag", "zoom", "query", "level", "head", "top-k"}) {
    const auto& times = json["actions"][action];
    EXPECT_EQ(times["frames"], 12) << action;
    EXPECT_GT(times["mean_ms"], 0) << action;
    EXPECT_GE(times["worst_ms"], times["p95_ms"]) << action;
    EXPECT_GE(times["p95_ms"], times["median_ms"]) << action;
  }
  EXPECT_EQ(json["all"]["frames"], 96);
  EXPECT_LT(json["without_opengl"]["mean_ms"], json["all"]["mean_ms"]);
}

}  // namespace
}  // namespace llsa::viewer
