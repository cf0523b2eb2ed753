#include "viewer/model/overview.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/checkpoint.hpp"
#include "small_problem.hpp"
#include "viewer/model/query_view.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {
namespace {

/// A document of two sets with two heads each on an 8 x 8 grid.
std::shared_ptr<const Document> two_by_two() {
  SmallProblem problem;
  problem.query_grid = problem.key_grid = Grid{1, 8, 8};
  problem.heads = 2;
  problem.batch = 1;
  Document document = *document_of(problem);
  problem.seed = 5;
  Document other = *document_of(problem);
  document.sets.front().name = "layer 0";
  other.sets.front().name = "layer 1";
  document.sets.push_back(std::move(other.sets.front()));
  return std::make_shared<const Document>(std::move(document));
}

void finish(Overview& overview) {
  while (overview.progress().busy) overview.update();
  overview.update();
}

Settings small_settings() {
  Settings settings;
  settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  return settings;
}

TEST(Overview, every_head_of_every_set_has_the_numbers_of_its_own_view) {
  const auto document = two_by_two();
  const Settings settings = small_settings();
  Overview overview(1, {});
  ThreadPool threads(1);
  for (const std::int64_t cell : {19, 40}) {
    overview.want();
    overview.refresh(document, settings, cell);
    finish(overview);
    ASSERT_EQ(overview.sets(), 2);
    ASSERT_EQ(overview.heads(), 2);
    for (int set = 0; set < 2; ++set)
      for (std::int64_t head = 0; head < 2; ++head) {
        const OverviewEntry* entry = overview.entry(set, head);
        ASSERT_TRUE(entry);
        const auto selected = std::make_shared<const HeadSelection>(
            select_head(std::make_shared<const Head>(take_head(*document, set, 0, head, "")), settings, threads));
        const QueryView view = view_query(selected, selected->head->query_position(cell));
        EXPECT_EQ(entry->set, set);
        EXPECT_EQ(entry->head, head);
        EXPECT_EQ(entry->weights, view.llsa);
        EXPECT_EQ(entry->number(OverviewValue::error), view.output_error);
        EXPECT_EQ(entry->number(OverviewValue::mass), view.mass_held);
        EXPECT_EQ(entry->number(OverviewValue::agreement), view.shared_mass);
        double entropy = 0;
        for (const float p : view.llsa)
          if (p > 0) entropy -= double(p) * std::log(double(p)) / std::log(2.0);
        EXPECT_NEAR(entry->number(OverviewValue::entropy), entropy, 1e-9);
      }
  }
  EXPECT_FALSE(overview.entry(2, 0));
  EXPECT_FALSE(overview.entry(0, 2));
  EXPECT_FALSE(overview.entry(-1, 0));
}

TEST(Overview, computes_only_what_somebody_looks_at_and_only_once) {
  const auto document = two_by_two();
  Settings settings = small_settings();
  Overview overview(1, {});
  overview.refresh(document, settings, 19);
  finish(overview);
  EXPECT_EQ(overview.sets(), 0) << "nobody asked";
  overview.want();
  overview.refresh(document, settings, 19);
  finish(overview);
  const std::uint64_t revision = overview.revision();
  const OverviewEntry* before = overview.entry(1, 1);
  settings.head = 1;
  settings.set = 1;
  overview.want();
  overview.refresh(document, settings, 19);
  finish(overview);
  EXPECT_EQ(overview.revision(), revision) << "which head is shown elsewhere does not matter";
  settings.how.options.top_k = {1};
  overview.want();
  overview.refresh(document, settings, 19);
  finish(overview);
  EXPECT_NE(overview.revision(), revision);
  EXPECT_NE(overview.entry(1, 1), before);
}

TEST(Overview, options_that_do_not_fit_are_said) {
  Settings settings = small_settings();
  settings.how.options.top_k = {1, 2, 3};
  Overview overview(1, {});
  overview.want();
  overview.refresh(two_by_two(), settings, 0);
  finish(overview);
  EXPECT_NE(overview.problem(), "");
}

TEST(Overview, names_go_there_and_back) {
  for (const auto value : {OverviewValue::weights, OverviewValue::error, OverviewValue::mass, OverviewValue::entropy,
                           OverviewValue::agreement})
    EXPECT_EQ(overview_value_from(name_of(value)), value);
  EXPECT_EQ(error_of([] { overview_value_from("colour"); }),
            "overview is 'colour'; it must be weights, error, mass, entropy or agreement");
}

}  // namespace
}  // namespace llsa::viewer
