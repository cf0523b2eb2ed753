#include "viewer/model/export.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

RC_GTEST_PROP(Export, the_json_equals_the_selection, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  const auto document = document_of(p);
  const QueryView view = view_query(head, *rc::gen::inRange<std::int64_t>(0, p.query_grid.size()));
  const json out = json::parse(selection_json(*document, view).dump());
  RC_ASSERT(out["levels"].size() == static_cast<std::size_t>(head->levels()));
  for (const json& level : out["levels"]) {
    const int l = level["level"];
    const std::int64_t t = level["query_token"];
    RC_ASSERT(t == view.position / head->options.query.span(l));
    const auto list = head->selection.list(l, 0, t);
    RC_ASSERT(level["selected"].size() == list.size());
    RC_ASSERT(level["candidates"] == view.level(l).candidates.size());
    for (std::size_t rank = 0; rank < list.size(); ++rank) {
      const json& token = level["selected"][rank];
      RC_ASSERT(token["rank"] == rank && token["token"] == list[rank]);
      RC_ASSERT(token["score"].get<float>() == view.level(l).candidates[rank].score);
      const TokenRange fine = head->options.key.fine(l, list[rank]);
      RC_ASSERT(token["fine_begin"] == fine.begin && token["fine_end"] == fine.end);
    }
  }
  RC_ASSERT(out["keys"].size() == view.keys.size());
  for (std::size_t i = 0; i < view.keys.size(); ++i) {
    RC_ASSERT(out["keys"][i]["level"] == view.keys[i].key.level && out["keys"][i]["token"] == view.keys[i].key.token);
    RC_ASSERT(out["keys"][i]["probability"].get<double>() == view.keys[i].probability);
    RC_ASSERT(out["keys"][i]["weight"].get<double>() == view.keys[i].weight);
  }
  const json& query = out["query"];
  const std::int64_t cell =
      (query["frame"].get<std::int64_t>() * p.query_grid.height + query["y"].get<std::int64_t>()) * p.query_grid.width +
      query["x"].get<std::int64_t>();
  RC_ASSERT(head->head->query_position(cell) == view.position && query["position"] == view.position);
  RC_ASSERT(same(settings_from(out["settings"]), p.settings));
  RC_ASSERT(out["numbers"]["keys_touched"] == view.keys.size());
}

/// Rows of a selection's CSV: level, query token, rank, token, score, first and last fine token.
std::vector<std::vector<double>> rows_of(const std::string& csv) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  RC_ASSERT(line == "level,query_token,rank,token,score,fine_begin,fine_end");
  std::vector<std::vector<double>> rows;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    rows.emplace_back();
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(std::stod(field));
    RC_ASSERT(rows.back().size() == 7u);
  }
  return rows;
}

RC_GTEST_PROP(Export, the_csv_of_a_head_holds_every_list_once, ()) {
  const auto head = select(*small_problems());
  const auto rows = rows_of(head_csv(*head));
  std::size_t at = 0;
  for (int l = head->levels(); l >= 1; --l)
    for (std::int64_t t = 0; t < head->options.query.length(l); ++t) {
      std::size_t rank = 0;
      for (const std::int32_t c : head->selection.list(l, 0, t)) {
        RC_ASSERT(at < rows.size());
        const auto& row = rows[at++];
        RC_ASSERT(row[0] == l && row[1] == static_cast<double>(t) && row[2] == static_cast<double>(rank) &&
                  row[3] == c);
        const auto stored = static_cast<std::size_t>(t * head->selection.level(l).width) + rank++;
        RC_ASSERT(static_cast<float>(row[4]) == head->scores[static_cast<std::size_t>(l - 1)][stored]);
        const TokenRange fine = head->options.key.fine(l, c);
        RC_ASSERT(row[5] == static_cast<double>(fine.begin) && row[6] == static_cast<double>(fine.end));
      }
    }
  RC_ASSERT(at == rows.size());
}

RC_GTEST_PROP(Export, the_csv_of_a_query_is_its_part_of_the_heads, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  const QueryView view = view_query(head, *rc::gen::inRange<std::int64_t>(0, p.query_grid.size()));
  std::vector<std::vector<double>> expected;
  for (const auto& row : rows_of(head_csv(*head)))
    if (row[1] == static_cast<double>(view.level(static_cast<int>(row[0])).query_token)) expected.push_back(row);
  RC_ASSERT(rows_of(selection_csv(view)) == expected);
}

TEST(Export, files_hold_what_the_functions_say_and_other_endings_are_refused) {
  TemporaryFolder folder;
  const SmallProblem p;
  const auto document = document_of(p);
  const QueryView view = view_query(select(p), 3);
  export_selection(folder / "s.json", *document, view);
  EXPECT_EQ(json::parse(read(folder / "s.json")), selection_json(*document, view));
  export_selection(folder / "s.csv", *document, view);
  EXPECT_EQ(read(folder / "s.csv"), selection_csv(view));
  export_head(folder / "h.csv", *view.head);
  EXPECT_EQ(read(folder / "h.csv"), head_csv(*view.head));
  const std::string refused = error_of([&] { export_selection(folder / "s.txt", *document, view); });
  EXPECT_EQ(refused, (folder / "s.txt").string() + ": a selection is written as .json or .csv");
  EXPECT_FALSE(std::filesystem::exists(folder / "s.txt"));
}

TEST(Export, not_a_number_becomes_null) {
  SmallProblem p;
  p.settings.how.options = {.block_size = 4, .levels = 1, .top_k = {4}};
  const auto document = std::make_shared<Document>(*document_of(p));
  document->sets[0].key(0, 0, 5, 1) = std::nanf("");
  ThreadPool threads(1);
  auto head = std::make_shared<const Head>(take_head(*document, 0, 0, 0, ""));
  const QueryView view = view_query(std::make_shared<const HeadSelection>(select_head(head, p.settings, threads)), 0);
  const json out = selection_json(*document, view);
  EXPECT_TRUE(out["levels"][0]["selected"][3]["score"].is_null());
  EXPECT_EQ(out["levels"][0]["selected"][3]["token"], 1);
  EXPECT_TRUE(out["numbers"]["lse"].is_null());
}

}  // namespace
}  // namespace llsa::viewer
