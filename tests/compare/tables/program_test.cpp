// llsa-compare approximate, table and recommend as a user runs them.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "../cli.hpp"
#include "datasets/procedural.hpp"
#include "files/image.hpp"
#include "files/safetensors.hpp"

namespace llsa::compare::tables {
namespace {

nlohmann::json json_at(const std::filesystem::path& path) { return nlohmann::json::parse(std::ifstream(path)); }

TEST(ApproximateProgram, writes_the_tables_it_prints_every_row_and_the_plots) {
  const Workplace place;
  files::write_png(place.path("picture.png"), datasets::landscape(20, 30, 2));
  const ProgramRun run = place.run(
      "approximate --image picture.png --size 8,16 --heads 1 --head-dim 16 --top-k 2,3 --block-size 4,8 --threads 1 "
      "--json a.json --markdown a.md --plot a.png --plot a.svg");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_TRUE(run.out.starts_with("## picture, 8 x 8\n")) << run.out;
  EXPECT_EQ(place.files(), (std::vector<std::string>{"a.json", "a.md", "a.png", "a.svg", "picture.png"}));
  std::ifstream markdown(place.path("a.md"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(markdown), {}), run.out);
  const auto json = json_at(place.path("a.json"));
  ASSERT_EQ(json["inputs"].size(), 2u);
  EXPECT_EQ(json["inputs"][1]["key_tokens"], 256);
  EXPECT_EQ(json["inputs"][1]["judged_queries"], 256);
  for (const auto& each : json["inputs"][1]["rows"]) {
    EXPECT_GT(each["relative_l2"], 0) << each;
    EXPECT_LT(each["mass"], 1.001) << each;
    EXPECT_GT(each["keys_per_query"], 0) << each;
  }
  EXPECT_GT(files::read_image(place.path("a.png")).width, 100);
}

TEST(ApproximateProgram, a_file_without_a_grid_is_compared_in_its_own_order_only) {
  const Workplace place;
  Tensor<float> tensor({1, 1, 90, 8});
  for (std::size_t i = 0; i < tensor.flat().size(); ++i) tensor.flat()[i] = static_cast<float>(i * i % 17) / 9;
  files::write_safetensors(
      place.path("qkv.safetensors"),
      {{files::from_tensor("q", tensor), files::from_tensor("k", tensor), files::from_tensor("v", tensor)}, {}});
  const ProgramRun run = place.run(
      "approximate --input qkv.safetensors --threads 1 --all-combinations --top-k 1,2 --block-size 4 --levels 1,2 "
      "--json a.json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(json_at(place.path("a.json"))["inputs"][0]["rows"].size(), 8u);  // 2 K, 2 L, 2 coverages
  EXPECT_NE(place.run("approximate --input qkv.safetensors --threads 1 --top-k 2").out.find("Not compared"),
            std::string::npos);
}

TEST(ApproximateProgram, says_in_one_line_what_is_wrong_and_writes_nothing) {
  const Workplace place;
  const std::string quick = "approximate --size 8 --json a.json ";
  for (const auto& [arguments, words] :
       std::vector<std::pair<std::string, std::string>>{{"--top-k 0", "top-k holds 0"},
                                                        {"--block-size 1", "block-size holds 1"},
                                                        {"--levels 99", "levels holds 99"},
                                                        {"--order spiral", "spiral"},
                                                        {"--coverage both", "both"},
                                                        {"--queries -1", "queries is -1"},
                                                        {"--plot a.gif", "a.gif"},
                                                        {"--markdown nowhere/a.md", "cannot be created"},
                                                        {"--backend abacus", "abacus"},
                                                        {"--image missing.png", "missing.png"},
                                                        {"--input missing.safetensors", "missing.safetensors"},
                                                        {"--head-dim 7", "head-dim is 7"}})
    expect_bad_input(place.run(quick + arguments), words);
  EXPECT_TRUE(place.files().empty());
}

TEST(TableProgram, a_table_is_made_once_and_read_again) {
  const Workplace place;
  const ProgramRun first = place.run("table 4d --sizes tiny --output r --threads 1");
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.out.find("| raster "), std::string::npos);
  EXPECT_NE(first.out.find("\nBackend reference, 1 thread.\n"), std::string::npos) << first.out;
  const auto before = json_at(place.path("r/4d.json"));
  for (const char* ending : {".md", ".png", ".svg"})
    EXPECT_TRUE(std::filesystem::exists(place.path(std::string("r/4d") + ending)));
  ASSERT_EQ(place.run("table 4d --sizes tiny --output r --threads 1").exit_code, 0);
  const auto after = json_at(place.path("r/4d.json"));
  for (const char* value : {"validation_loss", "denoising_error", "sliced_wasserstein"})
    EXPECT_EQ(before["rows"][0][value], after["rows"][0][value]);
}

TEST(TableProgram, curves_are_drawn_where_points_are_asked_for) {
  const Workplace place;
  const ProgramRun run = place.run("table 4d --sizes tiny --output r --threads 1 --curve-points 4");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("the last quarter of the steps took away"), std::string::npos);
  EXPECT_EQ(json_at(place.path("r/4d.json"))["rows"][1]["curves"][0].size(), 4u);
  EXPECT_GT(files::read_image(place.path("r/4d-curves.png")).width, 1000);
  EXPECT_TRUE(std::filesystem::exists(place.path("r/4d-curves.svg")));
  expect_bad_input(place.run("table 4d --sizes tiny --output r --curve-points 5"), "curve points is 5");
}

TEST(TableProgram, times_are_taken_for_both_ways_of_going_backward) {
  const Workplace place;
  ASSERT_EQ(place.run("table fig4 --sizes tiny --output r --threads 1").exit_code, 0);
  const auto json = json_at(place.path("r/fig4.json"));
  ASSERT_EQ(json["cases"].size(), 4u);
  EXPECT_EQ(json["cases"][1]["method"], "llsa+mask-backward");
  EXPECT_EQ(json["cases"][1]["backward_seconds"].size(), 2u);
}

TEST(TableProgram, says_in_one_line_what_is_wrong) {
  const Workplace place;
  expect_bad_input(place.run("table 9"), "2a, 2b, 2c, 3, fig3, fig4, 4a, 4b, 4c, 4d or all");
  expect_bad_input(place.run("table 4a --sizes vast"), "vast");
  expect_bad_input(place.run("table 4a --sizes tiny --steps 0"), "steps is 0");
  expect_bad_input(place.run("table 4a --sizes tiny --seeds 0"), "seeds is 0");
  expect_bad_input(place.run("table 4a --sizes tiny --hidden 9"), "hidden size is 9");
  expect_bad_input(place.run("table 4a --sizes tiny --data nowhere"), "nowhere");
  expect_bad_input(place.run("table 4a --sizes tiny --backend abacus"), "abacus");
  expect_bad_input(place.run("table 4a --sizes tiny --checkpoint-every 0"), "checkpoint interval is 0");
  EXPECT_TRUE(place.files().empty());
  std::ofstream(place.path("taken")) << "x";
  expect_bad_input(place.run("table 4a --sizes tiny --output taken"), "taken");
}

TEST(RecommendProgram, answers_for_lengths_of_every_kind) {
  const Workplace place;
  const ProgramRun large =
      place.run("recommend --tokens 10007 --head-dim 16 --max-error 0.9 --threads 1 --json r.json");
  ASSERT_EQ(large.exit_code, 0) << large.err;
  EXPECT_NE(large.out.find("--block-size"), std::string::npos) << large.out;
  const auto json = json_at(place.path("r.json"));
  EXPECT_FALSE(json["front"][json["chosen"].get<std::size_t>()]["dense"]);
  EXPECT_TRUE(json["front"].back()["dense"]);
  const ProgramRun small = place.run("recommend --tokens 5 --threads 1");
  ASSERT_EQ(small.exit_code, 0) << small.err;
  EXPECT_NE(small.out.find("dense attention\n  --levels 0"), std::string::npos) << small.out;
}

TEST(RecommendProgram, measures_a_given_input) {
  const Workplace place;
  Tensor<float> tensor({1, 3, 500, 8}, 1.0f);
  files::write_safetensors(
      place.path("qkv.safetensors"),
      {{files::from_tensor("q", tensor), files::from_tensor("k", tensor), files::from_tensor("v", tensor)}, {}});
  const ProgramRun run = place.run("recommend --input qkv.safetensors --threads 1 --json r.json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = json_at(place.path("r.json"));
  EXPECT_EQ(json["tokens"], 500);
  EXPECT_EQ(json["heads"], 3);
  EXPECT_LT(json["front"][0]["error"], 1e-5);
  expect_bad_input(place.run("recommend --input qkv.safetensors --tokens 400"), "tokens is 400");
}

TEST(RecommendProgram, says_in_one_line_what_is_wrong) {
  const Workplace place;
  expect_bad_input(place.run("recommend"), "give --tokens N");
  expect_bad_input(place.run("recommend --tokens 0"), "tokens is 0");
  expect_bad_input(place.run("recommend --tokens 99 --head-dim 0"), "head-dim is 0");
  expect_bad_input(place.run("recommend --tokens 99 --max-error -1"), "max-error is -1");
  expect_bad_input(place.run("recommend --tokens 99 --time-budget 0"), "time-budget is 0");
  expect_bad_input(place.run("recommend --tokens many"), "many");
  expect_bad_input(place.run("recommend --input missing.safetensors"), "missing.safetensors");
  EXPECT_TRUE(place.files().empty());
}

}  // namespace
}  // namespace llsa::compare::tables
