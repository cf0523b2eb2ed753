// Undo and redo, alone and in the workspace; keys that wait for their frame.
#include "viewer/model/history.hpp"

#include <gtest/gtest.h>

#include "small_problem.hpp"
#include "viewer/model/attention_steps.hpp"
#include "viewer/model/key_queue.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {
namespace {

TEST(History, goes_back_and_forward_step_by_step) {
  History history;
  EXPECT_FALSE(history.undo() || history.redo());
  for (int i = 0; i < 4; ++i) history.note(i, i, false);
  EXPECT_EQ(history.undo(), 2);
  EXPECT_EQ(history.undo(), 1);
  EXPECT_EQ(history.redo(), 2);
  history.note(2, 5, false);  // as it was set: no step
  EXPECT_TRUE(history.can_redo());
  history.note(9, 6, false);
  EXPECT_FALSE(history.can_redo()) << "what was undone is gone after another change";
  EXPECT_EQ(history.undo(), 2);
  EXPECT_EQ(history.undo(), 1);
  EXPECT_EQ(history.undo(), 0);
  EXPECT_FALSE(history.undo());
  EXPECT_EQ(history.redo(), 1);
  history.clear();
  EXPECT_FALSE(history.can_undo() || history.can_redo());
}

TEST(History, quick_changes_and_those_while_something_is_held_are_one_step) {
  History history;
  history.note("a", 0, false);
  history.note("b", 10, false);
  history.note("c", 10.4, false);
  history.note("d", 10.8, false);
  EXPECT_EQ(history.undo(), "a");
  history.redo();
  history.note("e", 20, true);
  history.note("e", 21, true);
  history.note("f", 25, true);
  history.note("g", 25.6, false);
  history.note("h", 26.2, false);
  EXPECT_EQ(history.undo(), "g");
  EXPECT_EQ(history.undo(), "f") << "let go of, and more than half a second later";
  EXPECT_EQ(history.undo(), "d");
}

TEST(History, a_change_right_after_an_undo_is_a_step_of_its_own) {
  History history;
  history.note(0, 0, false);
  history.note(1, 1, false);
  history.note(2, 2, false);
  history.undo();
  history.note(7, 2.1, false);
  EXPECT_EQ(history.undo(), 1);
}

TEST(History, remembers_a_bounded_number_of_steps) {
  History history;
  const int last = static_cast<int>(History::most_steps) + 50;
  for (int i = 0; i <= last; ++i) history.note(i, i, false);
  int steps = 0;
  nlohmann::json oldest;
  while (const auto state = history.undo()) oldest = *state, ++steps;
  EXPECT_EQ(steps, static_cast<int>(History::most_steps));
  EXPECT_EQ(oldest, 50);
}

TEST(Undo, brings_every_setting_of_both_sides_and_the_view_back_but_not_the_windows) {
  Workspace work(1);
  work.open({}, {.picture_size = Grid{1, 16, 16}});
  work.finish();
  work.note_settings(0, false);
  const Session before = work.session();
  work.side(0).settings.how.options = {.block_size = 8, .levels = 1, .top_k = {5}};
  work.side(0).settings.how.method = "vsa";
  work.side(1).settings.how.order = "hilbert";
  work.view.weights = WeightKind::dense;
  work.view.theme = "light";
  work.view.toggle_level(2);
  work.choose_query(3);
  work.note_settings(1, false);
  work.view.places[2].open = false;
  work.note_settings(2, false);
  const Session after = work.session();
  ASSERT_TRUE(work.undo());
  for (std::size_t side = 0; side < 2; ++side)
    EXPECT_EQ(to_json(work.side(static_cast<int>(side)).settings), to_json(before.settings[side]));
  EXPECT_EQ(work.view.query_cell, before.view.query_cell);
  EXPECT_EQ(work.view.theme, "dark");
  EXPECT_FALSE(work.view.places[2].open);
  ASSERT_TRUE(work.redo());
  EXPECT_EQ(to_json(work.session()), to_json(after));
  EXPECT_FALSE(work.redo());
  work.finish();
  EXPECT_EQ(work.side(0).problem, "");
}

TEST(Undo, does_not_go_back_to_another_document) {
  Workspace work(1);
  work.open({}, {.picture_size = Grid{1, 16, 16}});
  work.finish();
  work.note_settings(0, false);
  work.choose_query(3);
  work.note_settings(1, false);
  ASSERT_TRUE(work.history().can_undo());
  work.open({}, {.picture_size = Grid{1, 8, 8}});
  work.finish();
  EXPECT_FALSE(work.undo());
}

TEST(KeyQueue, a_key_that_goes_down_and_up_between_two_frames_is_down_for_one) {
  KeyQueue queue;
  const auto keys = [&] {
    std::vector<std::pair<int, int>> taken;
    for (const KeyEvent& event : queue.take_frame()) taken.emplace_back(event.key, event.action);
    return taken;
  };
  using Events = std::vector<std::pair<int, int>>;
  EXPECT_EQ(keys(), Events());
  for (const auto& [key, action] : Events{{1, 1}, {2, 1}, {2, 0}, {1, 0}, {2, 1}}) queue.push({key, 0, action, 0});
  EXPECT_EQ(keys(), (Events{{1, 1}, {2, 1}}));
  EXPECT_EQ(keys(), (Events{{2, 0}, {1, 0}}));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(keys(), (Events{{2, 1}}));
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace llsa::viewer
