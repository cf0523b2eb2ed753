// The tables and JSON of llsa-compare approximate, from made-up measurements.
#include "compare/approximate/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/kept_text.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::compare::approximate {
namespace {

using ::testing::HasSubstr;

Measurement made_up(const std::string& method, int enriched, double other_keys) {
  Measurement row;
  row.configuration.how.method = method;
  row.configuration.how.options.coverage = Coverage::disjoint;
  row.options.block_size = 8;
  row.options.levels = 2;
  row.options.top_k = {4, 3};
  row.options.enrichment_levels = enriched;
  row.options.reweight = false;
  row.options.coverage = Coverage::disjoint;
  row.order = "morton";
  row.keys_per_query = 40.25;
  row.other_keys = other_keys;
  row.relative_l2 = 0.125;
  row.cosine = 0.75;
  row.mass = 0.5;
  return row;
}

InputResult result() {
  return {
      .name = "picture",
      .source = "made up,",
      .query = {1, 1, 64, 16},
      .key = {1, 1, 80, 16},
      .sampled_queries = 64,
      .sections = {{.name = "Methods", .note = "A note.", .rows = {made_up("llsa", 2, 0), made_up("sla", 0, 256)}}}};
}

/// The cells of the row whose first cell is `label`.
std::vector<std::string> cells_of(const std::string& table, const std::string& label) {
  std::vector<std::string> cells;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| " + label)) continue;
    std::istringstream row(line.substr(1));
    for (std::string cell; std::getline(row, cell, '|');) {
      const std::size_t first = cell.find_first_not_of(' ');
      if (first != std::string::npos) cells.push_back(cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
  }
  return cells;
}

TEST(ApproximateReport, shows_every_measure_of_a_row_and_a_dash_where_there_is_none) {
  const std::string table = markdown(result());
  using Cells = std::vector<std::string>;
  EXPECT_EQ(cells_of(table, "llsa, disjoint"), (Cells{"llsa, disjoint", "morton", "8", "2", "4,3", "disjoint", "off",
                                                      "40.2", "-", "0.1250", "0.75000", "0.5000"}));
  EXPECT_EQ(cells_of(table, "sla"),
            (Cells{"sla", "morton", "8", "2 (Le 0)", "4,3", "-", "-", "40.2", "256", "0.1250", "0.75000", "0.5000"}));
  EXPECT_THAT(table, HasSubstr("## picture\n\nmade up, 1 batch entry, 1 head, 64 query and 80 key tokens of dimension "
                               "16; every query is judged.\n\n### Methods\n\nA note.\n"));
  InputResult sampled = result();
  sampled.sampled_queries = 20;
  sampled.query.batch = sampled.query.heads = 2;
  EXPECT_THAT(markdown(sampled), HasSubstr("2 batch entries, 2 heads, 64 query"));
  EXPECT_THAT(markdown(sampled), HasSubstr("; 20 queries are judged.\n"));
}

TEST(ApproximateReport, json_holds_every_input_and_every_row_with_gates_for_vsa_alone) {
  InputResult first = result();
  first.sections[0].rows.push_back(made_up("vsa", 0, 8));
  first.sections[0].rows.back().configuration.gate = 0.5;
  const auto json = nlohmann::json::parse(json_of({first, result()}));
  ASSERT_EQ(json["inputs"].size(), 2u);
  const auto& rows = json["inputs"][0]["rows"];
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(json["inputs"][1]["rows"].size(), 2u);
  EXPECT_EQ(json["inputs"][0]["judged_queries"], 64);
  EXPECT_EQ(rows[0]["section"], "Methods");
  EXPECT_EQ(rows[0]["coverage"], "disjoint");
  EXPECT_EQ(rows[0]["enrichment_levels"], 2);
  EXPECT_EQ(rows[1]["other_keys"], 256);
  EXPECT_EQ(rows[2]["gate"], 0.5);
  EXPECT_FALSE(rows[0].contains("gate"));
}

TEST(ApproximateReport, table_and_plot_are_as_kept) {
  InputResult one = result(), two = result();
  two.name = "another picture";
  for (int i = 0; i < 3; ++i) {
    Measurement row = made_up(i == 2 ? "topk" : "llsa", i, 10.0 * i);
    row.keys_per_query = 20 + 30 * i;
    row.relative_l2 = 0.5 / (1 + i);
    one.sections[0].rows.push_back(row);
    row.relative_l2 /= 2;
    two.sections[0].rows.push_back(row);
  }
  EXPECT_EQ(room::differs_from_kept("compare/approximate_table", markdown(one)), "");
  const room::TemporaryFolder folder;
  plot({one, two}, folder / "p.scene");
  EXPECT_EQ(room::differs_from_kept("compare/approximate_plot", room::read_text(folder / "p.scene")), "");
}

}  // namespace
}  // namespace llsa::compare::approximate
