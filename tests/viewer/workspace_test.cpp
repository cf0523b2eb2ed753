#include "viewer/model/workspace.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "files/safetensors.hpp"
#include "small_problem.hpp"
#include "support/kept_text.hpp"
#include "viewer/model/figures.hpp"

namespace llsa::viewer {
namespace {

/// A workspace with a small picture open and everything computed.
struct Opened {
  Workspace work{1};
  explicit Opened(Grid size = {1, 16, 16}) {
    work.open({}, {.picture_size = size});
    work.finish();
  }
};

TEST(Workspace, opens_a_picture_and_shows_the_query_in_its_middle) {
  Opened opened;
  Workspace& work = opened.work;
  ASSERT_TRUE(work.document());
  EXPECT_EQ(work.view.query_cell, 8 * 16 + 8);
  ASSERT_TRUE(work.query());
  EXPECT_EQ(work.query()->head->head->query_cell(work.query()->position), work.view.query_cell);
  EXPECT_TRUE(work.shown().result().error);
  EXPECT_FALSE(work.message_is_error);
}

TEST(Workspace, a_bad_file_is_a_message_and_the_last_good_state_stays) {
  TemporaryFolder folder;
  Opened opened;
  Workspace& work = opened.work;
  const auto before = work.document();
  const auto* query = work.query();
  std::ofstream(folder / "bad.safetensors") << "x";
  for (const std::filesystem::path& file :
       {folder / "bad.safetensors", folder / "absent.png", folder / "absent.json"}) {
    work.drop({file});
    work.finish();
    EXPECT_TRUE(work.message_is_error);
    EXPECT_TRUE(work.message.starts_with(file.string())) << work.message;
    EXPECT_EQ(work.document(), before);
    EXPECT_EQ(work.query(), query);
  }
}

TEST(Workspace, asks_for_missing_metadata_and_goes_on_with_the_answer) {
  TemporaryFolder folder;
  std::vector<float> values(64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7);
  std::vector<files::NamedTensor> tensors;
  for (const char* name : {"q", "k", "v"})
    tensors.emplace_back(name, std::vector<std::int64_t>{1, 16, 4}, std::span<const float>(values));
  files::write_safetensors(folder / "a.safetensors", tensors);
  Opened opened;
  Workspace& work = opened.work;
  work.open({folder / "a.safetensors"}, {});
  work.finish();
  ASSERT_TRUE(work.question);
  EXPECT_TRUE(work.question->layout);
  EXPECT_EQ(work.document()->title, "built-in picture");
  work.answer({.layout = "hnd", .order = "raster", .grid = Grid{1, 3, 5}});
  work.finish();
  EXPECT_TRUE(work.message_is_error);
  EXPECT_TRUE(work.question);
  work.answer({.layout = "hnd", .order = "raster", .grid = Grid{1, 4, 4}});
  work.finish();
  EXPECT_FALSE(work.question);
  EXPECT_EQ(work.document()->title, "a.safetensors");
  EXPECT_EQ(work.query()->llsa.size(), 16u);
  EXPECT_EQ(work.view.query_cell, 2 * 4 + 2);
}

TEST(Workspace, changed_settings_are_computed_anew_and_bad_ones_keep_the_last_result) {
  Opened opened;
  Workspace& work = opened.work;
  work.side(0).settings.how.options = {.block_size = 4, .levels = 2, .top_k = {3}};
  work.finish();
  EXPECT_EQ(work.query()->head->levels(), 2);
  EXPECT_EQ(work.query()->level(1).selected, 3);
  const QueryView* good = work.query();
  work.side(0).settings.how.options.top_k = {1, 2, 3};
  work.finish();
  EXPECT_NE(work.side(0).problem.find("top_k"), std::string::npos);
  EXPECT_EQ(work.query(), good);
  work.side(0).settings.how.options.top_k = {1, 2};
  work.finish();
  EXPECT_EQ(work.side(0).problem, "");
  EXPECT_EQ(work.query()->level(1).selected, 1);
  EXPECT_EQ(work.query()->level(2).selected, 2);
}

TEST(Workspace, steps_stop_at_the_border_and_cells_outside_are_ignored) {
  Opened opened({1, 4, 6});
  Workspace& work = opened.work;
  work.choose_query(0);
  work.step_query(-1, 0);
  work.step_query(0, -1);
  EXPECT_EQ(work.view.query_cell, 0);
  work.step_query(1, 2);
  EXPECT_EQ(work.view.query_cell, 2 * 6 + 1);
  work.step_query(100, 100);
  EXPECT_EQ(work.view.query_cell, 23);
  work.choose_query(24);
  work.choose_query(-1);
  EXPECT_EQ(work.view.query_cell, 23);
}

TEST(Workspace, playing_frames_keeps_the_place_within_them_and_begins_again) {
  TemporaryFolder folder;
  std::vector<float> values(3 * 4 * 5 * 2);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7);
  std::vector<files::NamedTensor> tensors;
  for (const char* name : {"q", "k", "v"})
    tensors.emplace_back(name, std::vector<std::int64_t>{60, 2}, std::span<const float>(values));
  files::write_safetensors(folder / "video.safetensors", tensors, {{"grid", "3x4x5"}, {"order", "raster"}});
  Workspace work(1);
  work.play_frames_on();  // nothing open: nothing happens
  work.open({folder / "video.safetensors"}, {});
  work.finish();
  work.choose_query(20 + 7);
  std::vector<std::int64_t> cells;
  for (int i = 0; i < 4; ++i) {
    work.play_frames_on();
    cells.push_back(work.view.query_cell);
  }
  EXPECT_EQ(cells, (std::vector<std::int64_t>{47, 7, 27, 47}));
}

TEST(Workspace, a_query_shows_at_once_without_recomputing_the_head) {
  Opened opened({1, 32, 32});
  Workspace& work = opened.work;
  const auto head = work.shown().result().selection;
  work.choose_query(5);
  EXPECT_TRUE(work.update());
  EXPECT_EQ(work.query()->head->head->query_cell(work.query()->position), 5);
  EXPECT_EQ(work.shown().result().selection, head);
  EXPECT_FALSE(work.update());
}

TEST(Workspace, comparing_computes_the_other_side_and_swaps_between_them) {
  Opened opened;
  Workspace& work = opened.work;
  EXPECT_FALSE(work.side(1).query());
  work.swap_sides();
  EXPECT_EQ(work.view.side, 0);
  work.view.compare = true;
  work.finish();
  ASSERT_TRUE(work.side(1).query());
  EXPECT_EQ(work.side(1).query()->head->levels(), 0);
  work.swap_sides();
  EXPECT_EQ(work.query(), work.side(1).query().get());
  work.swap_sides();
  EXPECT_EQ(work.query(), work.side(0).query().get());
}

TEST(Workspace, levels_beyond_the_last_are_not_chosen) {
  Opened opened;
  Workspace& work = opened.work;
  work.side(0).settings.how.options = {.block_size = 4, .levels = 2, .top_k = {3}};
  work.finish();
  work.choose_level(2);
  EXPECT_EQ(work.level(), 2);
  work.choose_level(3);
  work.choose_level(0);
  EXPECT_EQ(work.level(), 2);
  work.side(0).settings.how.options.levels = 1;
  work.finish();
  EXPECT_EQ(work.level(), 1);
}

TEST(Workspace, a_session_restores_query_settings_and_file) {
  TemporaryFolder folder;
  Opened first;
  first.work.side(0).settings.how.options.block_size = 4;
  first.work.side(0).settings.how.options.levels = 1;
  first.work.choose_query(37);
  save_session(folder / "s.json", first.work.session());
  const Session session = load_session(folder / "s.json");
  Workspace second(1);
  second.restore(session);
  second.open(session.files, session.hints);
  second.finish();
  EXPECT_EQ(second.view.query_cell, 37);
  EXPECT_EQ(second.query()->head->options.block_size, 4);
  EXPECT_EQ(second.query()->head->head->query_cell(second.query()->position), 37);
  EXPECT_TRUE(same(second.query()->head->settings, first.work.side(0).settings));
}

/// A file of one head on a 4 x 4 grid; `spoil` may change Q's values.
std::filesystem::path small_file(const TemporaryFolder& folder, const std::string& name, float first_of_query_9) {
  std::vector<float> values(64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) / 7;
  std::vector<files::NamedTensor> tensors;
  for (const char* tensor : {"q", "k", "v"}) {
    std::vector<float> own = values;
    if (*tensor == 'q') own[9 * 4] = first_of_query_9;
    tensors.emplace_back(tensor, std::vector<std::int64_t>{16, 4}, std::span<const float>(own));
  }
  const auto path = folder / name;
  files::write_safetensors(path, tensors, {{"grid", "4x4"}, {"order", "raster"}});
  return path;
}

TEST(Workspace, the_first_query_that_is_not_a_number_is_named) {
  TemporaryFolder folder;
  Workspace work(1);
  work.side(0).settings.how.options.levels = 0;
  work.open({small_file(folder, "sound.safetensors", 0.5f)}, {});
  work.finish();
  EXPECT_FALSE(work.shown().result().outputs->first_not_finite);
  work.open({small_file(folder, "nan.safetensors", std::nanf(""))}, {});
  work.finish();
  ASSERT_TRUE(work.shown().result().outputs->first_not_finite);
  EXPECT_EQ(*work.shown().result().outputs->first_not_finite, 9);
  EXPECT_EQ(work.shown().result().error->worst, 9);
}

TEST(Workspace, a_picture_dropped_on_q_k_v_goes_behind_them_and_on_a_picture_takes_its_place) {
  TemporaryFolder folder;
  Workspace work(1);
  files::Image picture(6, 6);
  picture.rgb[4] = 77;
  files::write_png(folder / "p.png", picture);
  const auto file = small_file(folder, "sound.safetensors", 0.5f);
  work.open({file}, {});
  work.finish();
  EXPECT_TRUE(work.document()->pictures.empty());
  work.drop({folder / "p.png"});
  work.finish();
  EXPECT_EQ(work.document()->title, "sound.safetensors");
  ASSERT_TRUE(work.document()->picture(0));
  EXPECT_EQ(*work.document()->picture(0), picture);
  EXPECT_NE(work.message.find("p.png behind it"), std::string::npos) << work.message;
  EXPECT_EQ(work.session().hints.picture, folder / "p.png");
  work.open({folder / "p.png"}, {});
  work.finish();
  EXPECT_EQ(work.document()->title, "p.png");
  work.drop({file});
  work.finish();
  EXPECT_TRUE(work.document()->pictures.empty()) << "another file has no picture of the one before";
  work.drop({folder / "absent.png"});
  work.finish();
  EXPECT_TRUE(work.message_is_error);
  EXPECT_EQ(work.document()->title, "sound.safetensors");
}

TEST(Workspace, what_was_opened_is_remembered_once_the_newest_first) {
  TemporaryFolder folder;
  Workspace work(1);
  std::vector<std::filesystem::path> files;
  for (std::size_t i = 0; i < most_recent + 2; ++i)
    files.push_back(small_file(folder, std::to_string(i) + ".safetensors", 0.5f));
  for (const auto& file : files) {
    work.open({file}, {});
    work.finish();
  }
  work.open({}, {.picture_size = Grid{1, 4, 4}});
  work.open({folder / "absent.png"}, {});
  work.finish();
  work.open({files[5]}, {});
  work.finish();
  ASSERT_EQ(work.recent().size(), most_recent);
  EXPECT_EQ(work.recent()[0], std::vector{files[5]});
  EXPECT_EQ(work.recent()[1], std::vector{files.back()});
  EXPECT_EQ(std::ranges::count(work.recent(), std::vector{files[5]}), 1);
  Workspace later(1);
  later.restore(work.session());
  EXPECT_EQ(later.recent(), work.recent());
}

TEST(Workspace, keys_with_fewer_heads_are_those_of_the_query_heads_that_share_them) {
  TemporaryFolder folder;
  std::vector<files::NamedTensor> tensors;
  for (const auto& [name, heads] : {std::pair("q", 4), {"k", 2}, {"v", 2}}) {
    Tensor<float> tensor({1, heads, 16, 4});
    for (std::size_t i = 0; i < tensor.flat().size(); ++i) tensor.flat()[i] = static_cast<float>(i * 29 % 23) / 23;
    tensors.push_back(files::from_tensor(name, tensor));
  }
  files::write_safetensors(folder / "shared.safetensors", tensors, {{"grid", "4x4"}, {"order", "raster"}});
  Workspace work(1);
  work.open({folder / "shared.safetensors"}, {});
  work.side(0).settings.how.options = {.block_size = 4, .levels = 1, .top_k = {2}};
  for (std::int64_t head = 0; head < 4; ++head) {
    work.side(0).settings.head = head;
    work.finish();
    EXPECT_EQ(work.side(0).problem, "");
    ASSERT_TRUE(work.query());
    const Tensor<float>& key = work.document()->sets[0].key;
    const auto shown = work.query()->head->head->key.view().head(0);
    const auto own = key.view().head(head / 2);
    for (std::int64_t token = 0; token < 16; ++token)
      for (std::int64_t d = 0; d < 4; ++d) ASSERT_EQ(shown(token, d), own(token, d)) << head << " " << token;
  }
}

TEST(Workspace, what_was_said_of_one_file_is_not_said_of_the_next) {
  TemporaryFolder folder;
  Workspace work(1);
  work.open({folder / "absent.png"}, {});
  work.finish();
  EXPECT_TRUE(work.message_is_error);
  files::write_safetensors(folder / "asks.safetensors", std::vector<files::NamedTensor>{files::NamedTensor(
                                                            "x", {1}, std::span<const float>({1.0f}))});
  work.open({small_file(folder, "sound.safetensors", 0.5f)}, {});
  EXPECT_FALSE(work.message_is_error);
  work.finish();
  EXPECT_EQ(work.message, "opened sound.safetensors");
}

TEST(Workspace, a_cancelled_exact_comparison_leaves_the_sample_and_can_be_asked_for_again) {
  Workspace work(1);
  work.side(0).settings.how.options = {.block_size = 16, .levels = 2, .top_k = {2}};
  work.open({}, {.picture_size = Grid{1, 96, 96}});
  work.finish();
  const auto sample = work.shown().result().error;
  ASSERT_TRUE(sample && !sample->exact);
  work.shown().request_exact_error();
  work.cancel();
  work.finish();
  EXPECT_EQ(work.shown().result().error, sample);
  EXPECT_FALSE(work.busy());
  work.shown().request_exact_error();
  work.finish();
  ASSERT_TRUE(work.shown().result().error);
  EXPECT_TRUE(work.shown().result().error->exact);
  EXPECT_EQ(work.shown().result().error->queries, 96 * 96);
}

TEST(Workspace, cancelling_leaves_what_is_there) {
  Opened opened;
  Workspace& work = opened.work;
  const auto before = work.document();
  work.open({}, {.picture_size = Grid{1, 64, 64}});
  work.cancel();
  work.finish();
  EXPECT_EQ(work.document(), before);
}

TEST(Workspace, at_65536_tokens_a_new_query_is_there_with_the_next_update) {
  Opened opened({1, 256, 256});
  Workspace& work = opened.work;
  for (std::int64_t cell = 0; cell < 12; ++cell) {
    work.choose_query(cell * 5003);
    work.update();
    ASSERT_EQ(work.query()->head->head->query_cell(work.query()->position), cell * 5003);
  }
}

TEST(Figures, every_panel_with_a_figure_draws_and_others_say_why) {
  TemporaryFolder folder;
  Opened opened;
  Workspace& work = opened.work;
  work.side(0).settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  work.view.compare = true;
  work.finish();
  std::ofstream(folder / "p.json") << R"({"benchmarks": [
    {"name": "reference/llsa/forward/total/100", "real_time": 2, "time_unit": "ms"},
    {"name": "reference/llsa/forward/total/200", "real_time": 4, "time_unit": "ms"}]})";
  work.drop({folder / "p.json"});
  work.finish();
  for (int i = 0; i < panel_count; ++i) {
    const auto panel = static_cast<Panel>(i);
    if (!has_figure(panel)) {
      EXPECT_NE(error_of([&] { draw_figure(panel, work); }), "") << name_of(panel);
      continue;
    }
    const std::string svg = draw_figure(panel, work).svg();
    EXPECT_NE(svg.find("<svg"), std::string::npos) << name_of(panel);
    EXPECT_GT(svg.size(), 3000u) << name_of(panel);
  }
  Workspace empty(1);
  EXPECT_EQ(error_of([&] { draw_figure(Panel::overlay, empty); }), "nothing is computed yet");
}

TEST(Figures, are_as_kept) {
  Opened opened({1, 12, 16});
  Workspace& work = opened.work;
  work.side(0).settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  work.side(1).settings.how.options = {.block_size = 4, .levels = 1, .top_k = {3}};
  work.view.compare = true;
  work.choose_query(37);
  work.finish();
  for (const Panel panel : {Panel::overlay, Panel::pyramid, Panel::blocks, Panel::popularity, Panel::weights})
    EXPECT_EQ(room::differs_from_kept("viewer/" + std::string(name_of(panel)), draw_figure(panel, work).scene()), "");
  work.view.toggle_level(2);
  EXPECT_EQ(draw_figure(Panel::overlay, work).scene().find("level 2:"), std::string::npos);
}

}  // namespace
}  // namespace llsa::viewer
