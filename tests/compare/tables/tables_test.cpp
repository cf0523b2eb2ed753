// The tables' training runs: shared, reused, resumed; and what they are judged by.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "compare/tables/denoising.hpp"
#include "compare/tables/make_tables.hpp"
#include "compare/tables/report.hpp"
#include "diffusion/checkpoint.hpp"
#include "diffusion/learner.hpp"
#include "llsa/error.hpp"
#include "support/kept_text.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::compare::tables {
namespace {

class Runs : public testing::Test {
 protected:
  RunPlace place(const char* name) const { return {.folder = folder_ / name, .threads = 1, .checkpoint_every = 2}; }
  room::TemporaryFolder folder_;
};

std::vector<TrainingRow> rows_of(std::string_view table, const Scale& scale) {
  return training_table(table, scale)->rows;
}

TrainingRun tiny_run(std::uint64_t seed = 1) {
  const Scale scale = scale_from("tiny");
  return run_of(rows_of("4a", scale).back(), scale, static_cast<std::int64_t>(seed));
}

void expect_equal(const RunResult& a, const RunResult& b) {
  EXPECT_EQ(a.validation_loss, b.validation_loss);
  EXPECT_EQ(a.denoising_error, b.denoising_error);
  EXPECT_EQ(a.sliced_wasserstein, b.sliced_wasserstein);
}

TEST_F(Runs, a_finished_run_is_reused_without_a_step) {
  int steps = 0;
  const RunResult first = finish_run(tiny_run(), place("a"), {}, [&] { ++steps; });
  EXPECT_EQ(steps, 4);
  EXPECT_TRUE(is_finished(tiny_run(), place("a")));
  EXPECT_FALSE(is_finished(tiny_run(2), place("a")));
  std::filesystem::remove_all(place("a").folder / run_name(tiny_run()) / "checkpoints");  // the result is enough
  const RunResult again = finish_run(tiny_run(), place("a"), {}, [&] { ++steps; });
  EXPECT_EQ(steps, 4);
  expect_equal(first, again);
  EXPECT_TRUE(std::isfinite(first.validation_loss) && first.validation_loss > 0);
  EXPECT_GT(first.denoising_error, 0);
  EXPECT_GT(first.sliced_wasserstein, 0);
}

TEST_F(Runs, an_interrupted_run_ends_in_the_same_numbers) {
  const RunResult whole = finish_run(tiny_run(), place("whole"), {}, [] {});
  for (const int stop_after : {1, 2, 3}) {
    const RunPlace where = place("cut");
    std::stop_source stop;
    int steps = 0;
    EXPECT_THROW(finish_run(tiny_run(), where, stop.get_token(),
                            [&] {
                              if (++steps == stop_after) stop.request_stop();
                            }),
                 Cancelled);
    EXPECT_FALSE(is_finished(tiny_run(), where));
    int more = 0;
    expect_equal(finish_run(tiny_run(), where, {}, [&] { ++more; }), whole);
    EXPECT_EQ(steps + more, 4);  // no step was done twice
    std::filesystem::remove_all(where.folder);
  }
}

TEST_F(Runs, a_damaged_result_is_judged_again_from_the_checkpoint) {
  const RunResult whole = finish_run(tiny_run(), place("a"), {}, [] {});
  const auto file = place("a").folder / run_name(tiny_run()) / "result.json";
  for (const char* damaged : {"", "{", "[1]", R"({"validation_loss": 1})"}) {
    std::ofstream(file) << damaged;
    EXPECT_FALSE(is_finished(tiny_run(), place("a"))) << damaged;
    int steps = 0;
    expect_equal(finish_run(tiny_run(), place("a"), {}, [&] { ++steps; }), whole);
    EXPECT_EQ(steps, 0);
  }
}

TEST_F(Runs, a_curve_has_the_losses_of_the_way_also_after_an_interruption) {
  TrainingRun run = tiny_run();
  EXPECT_TRUE(finish_run(run, place("none"), {}, [] {}).curve.empty());
  run.config.steps = 7;
  run.curve_points = 3;
  const RunResult whole = finish_run(run, place("whole"), {}, [] {});
  ASSERT_EQ(whole.curve.size(), 4u);  // every second step and the last
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(whole.curve[i].step, (std::vector<std::int64_t>{2, 4, 6, 7})[i]);
  EXPECT_NEAR(whole.curve.back().validation_loss, whole.validation_loss, 1e-6 * whole.validation_loss);
  EXPECT_NE(whole.curve.front().validation_loss, whole.curve.back().validation_loss);
  std::stop_source stop;
  int steps = 0;
  EXPECT_THROW(finish_run(run, place("cut"), stop.get_token(),
                          [&] {
                            if (++steps == 5) stop.request_stop();
                          }),
               Cancelled);
  EXPECT_EQ(finish_run(run, place("cut"), {}, [] {}).curve, whole.curve);
  EXPECT_EQ(finish_run(run, place("whole"), {}, [] { ADD_FAILURE(); }).curve, whole.curve);  // from the file
}

TEST_F(Runs, every_method_trains) {
  const Scale scale = scale_from("tiny");
  for (const char* table : {"2a", "3"})
    for (const TrainingRow& row : rows_of(table, scale)) {
      const RunResult result = finish_run(run_of(row, scale, 1), place("all"), {}, [] {});
      EXPECT_TRUE(std::isfinite(result.validation_loss)) << row.label;
    }
}

TEST(Tables, names_follow_the_settings_alone) {
  EXPECT_EQ(run_name(tiny_run()), run_name(tiny_run()));
  std::set<std::string> names = {run_name(tiny_run())};
  const auto different = [&](auto change) {
    TrainingRun run = tiny_run();
    change(run);
    EXPECT_TRUE(names.insert(run_name(run)).second);
  };
  different([](TrainingRun& r) { r.config.seed = 2; });
  different([](TrainingRun& r) { r.config.steps = 5; });
  different([](TrainingRun& r) { r.config.model.attention.order = "raster"; });
  different([](TrainingRun& r) { r.config.model.attention.options.reweight = false; });
  different([](TrainingRun& r) { r.config.flow.noise_scale = 2; });
  different([](TrainingRun& r) { r.samples = 3; });
  different([](TrainingRun& r) { r.curve_points = 3; });
}

TEST(Tables, noise_is_adjusted_to_pictures_of_16_pixels) {
  for (const auto& [side, ratio] : {std::pair{64, 4.0}, {32, 2.0}, {16, 2.0}}) {
    Scale scale;
    scale.image_size = side;
    const auto table = training_table("4c", scale);
    EXPECT_EQ(table->rows.at(1).config.flow.time_shift, ratio);
    EXPECT_EQ(table->rows.at(3).config.flow.noise_scale, ratio);
    const std::string small = std::to_string(int(side / ratio)), factor = std::to_string(int(ratio));
    EXPECT_NE(table->remarks.at(0).find("ratio of " + small + " x " + small + ": s = " + factor + ", shift " + factor),
              std::string::npos)
        << table->remarks.at(0);
  }
}

TEST(Tables, rows_that_mean_the_same_are_trained_once) {
  const Scale scale;
  std::map<std::string, std::string> llsa;  // table -> run of the row that is LLSA with its defaults
  const auto name_at = [&](const char* table, std::size_t row) {
    return run_name(run_of(rows_of(table, scale).at(row), scale, 1));
  };
  const std::string own = name_at("3", 4);
  EXPECT_EQ(name_at("2a", 6), own);
  EXPECT_EQ(name_at("2c", 0), own);
  EXPECT_EQ(name_at("4a", 2), own);
  EXPECT_EQ(name_at("4c", 0), own);
  EXPECT_EQ(name_at("4d", 1), own);
  EXPECT_EQ(name_at("2a", 1), name_at("2b", 0));
  EXPECT_EQ(name_at("2a", 1), name_at("2c", 1));
  EXPECT_EQ(name_at("2b", 2), name_at("2c", 3));
  EXPECT_EQ(name_at("3", 1), name_at("2c", 3));
  EXPECT_EQ(name_at("2a", 4), name_at("4a", 0));
  std::set<std::string> all;
  for (const std::string& table : table_names())
    if (const auto rows = training_table(table, scale))
      for (const TrainingRow& row : rows->rows) all.insert(run_name(run_of(row, scale, 1)));
  EXPECT_EQ(all.size(), 21u);
}

TEST(Tables, methods_touch_equal_numbers_of_keys) {
  const Scale scale;  // 8 x 4 fine, 8 x 4 of level 1, 64 of level 2
  const auto rows = rows_of("3", scale);
  EXPECT_EQ(keys_per_query(rows[0].config), 1024);
  EXPECT_EQ(keys_per_query(rows[1].config), 128);
  EXPECT_EQ(keys_per_query(rows[2].config), 128);
  EXPECT_EQ(keys_per_query(rows[3].config), 128);
  EXPECT_EQ(keys_per_query(rows[4].config), 128);
  const auto blocks = rows_of("2b", scale);
  EXPECT_EQ(keys_per_query(blocks[0].config), keys_per_query(blocks[1].config));
  EXPECT_EQ(keys_per_query(blocks[2].config), keys_per_query(blocks[3].config));
  const auto figure = timing_table("fig3", scale);
  ASSERT_TRUE(figure);
  for (const TimingCase& each : figure->cases)
    if (each.tokens == 65536 && each.method != "llsa") {
      EXPECT_EQ(each.options.top_k, std::vector<std::int64_t>{32}) << each.label;
    }
}

TEST(Tables, unknown_names_are_answered_with_the_known_ones) {
  EXPECT_EQ(requested_tables("all"), table_names());
  EXPECT_EQ(requested_tables("fig3"), std::vector<std::string>{"fig3"});
  try {
    requested_tables("2d");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "table is '2d'; it must be 2a, 2b, 2c, 3, fig3, fig4, 4a, 4b, 4c, 4d or all");
  }
  EXPECT_THROW(scale_from("huge"), Error);
  for (const std::string& name : table_names())
    EXPECT_TRUE(training_table(name, scale_from("tiny")) || timing_table(name, scale_from("tiny"))) << name;
}

TEST(Tables, a_model_that_predicts_nothing_leaves_the_noise_in_the_picture) {
  // A fresh model's last projection is zero: its velocity is zero, and what it finds is the noisy picture itself.
  diffusion::TrainConfig config = tiny_run().config;
  for (const double noise_scale : {1.0, 2.0}) {
    config.flow.noise_scale = noise_scale;
    const diffusion::TrainState state = diffusion::initial_state(config);
    diffusion::Runner runner(config.model, {.batch = 2}, "reference", 1);
    const auto elements = static_cast<std::size_t>(config.model.image_elements());
    std::vector<float> pictures(3 * elements);
    for (std::size_t i = 0; i < pictures.size(); ++i) pictures[i] = std::sin(static_cast<float>(i));
    double expected = 0;
    for (const double level : {0.25, 0.5, 1.0, 2.0, 4.0}) {
      const double t = level / (level + noise_scale);
      for (std::size_t p = 0; p < 3; ++p) {
        const diffusion::RandomSequence noise(7, diffusion::Purpose::validation_noise, p);
        for (std::size_t e = 0; e < elements; ++e) {
          const double x = static_cast<double>(pictures[p * elements + e]);
          const double off = t * noise_scale * noise.normal(e) - t * x;
          expected += off * off / static_cast<double>(5 * pictures.size());
        }
      }
    }
    const std::vector<std::int32_t> labels = {0, 1, 2};
    EXPECT_NEAR(denoising_error(runner, state.averages, config.flow, 7, pictures, labels), expected, 1e-4 * expected);
  }
}

TEST(Tables, differences_are_taken_seed_by_seed) {
  const Scale scale = scale_from("tiny");
  MeasuredTraining measured{.table = *training_table("4d", scale)};
  for (const TrainingRow& row : measured.table.rows)
    measured.rows.push_back({.row = row, .keys_per_query = 5, .step_seconds = {0.25, 0.5, 2}, .tokens_per_step = 100});
  measured.rows[0].results = {{1.25, 1, 1}, {3.25, 1, 1}};
  measured.rows[1].results = {{1, 1, 1}, {3, 1, 1}};
  const std::string text = markdown(measured, scale);
  EXPECT_NE(text.find("2.2500 ± 1.4142"), std::string::npos) << text;
  EXPECT_NE(text.find("+0.2500 ± 0.0000"), std::string::npos) << text;
  EXPECT_NE(text.find(" 200 |"), std::string::npos) << text;  // tokens/s of the median step
  EXPECT_NE(text.find("31.19"), std::string::npos) << text;   // the paper's
  const auto json = json_of(measured, scale);
  EXPECT_EQ(json["rows"][0]["validation_loss"], (std::vector<double>{1.25, 3.25}));
  EXPECT_FALSE(json["rows"][0].contains("curves"));
}

TEST(Tables, curves_are_reported_with_what_the_last_quarter_took_away) {
  Scale scale = scale_from("tiny");
  scale.curve_points = 4;
  MeasuredTraining measured{.table = *training_table("4d", scale)};
  for (const TrainingRow& row : measured.table.rows)
    measured.rows.push_back({.row = row, .keys_per_query = 5, .step_seconds = {0.5}, .tokens_per_step = 100});
  const std::vector<CurvePoint> falling = {{2, 8}, {4, 4}, {6, 2}, {8, 1}}, steady = {{2, 8}, {4, 4}, {6, 2}, {8, 2}};
  measured.rows[0].results = {{1, 1, 1, falling}, {2, 1, 1, steady}};
  measured.rows[1].results = {{2, 1, 1, steady}, {2, 1, 1, steady}};
  const std::string text = markdown(measured, scale);
  EXPECT_NE(text.find("took away: raster 25.0%; reordered (Morton) 0.0%."), std::string::npos) << text;
  const auto json = json_of(measured, scale);
  EXPECT_EQ(json["rows"][0]["curves"].size(), 2u);
  EXPECT_EQ(json["rows"][0]["curves"][0][3].dump(), "[8,1.0]");
}

TEST(Tables, reports_and_figures_are_as_kept) {
  Scale scale = scale_from("tiny");
  scale.curve_points = 4;
  const room::TemporaryFolder folder;
  std::string reports, figures;
  const auto drawn = [&](const auto& measured, const auto& draw) {
    draw(measured, folder / "f.scene");
    figures += room::read_text(folder / "f.scene");
  };
  for (const char* name : {"4d", "4c"}) {
    MeasuredTraining measured{.table = *training_table(name, scale)};
    double number = 0;
    for (const TrainingRow& row : measured.table.rows) {
      MeasuredRow& made = measured.rows.emplace_back();
      made.row = row;
      made.keys_per_query = 5 + number;
      made.step_seconds = {0.25 + number, 0.5 + number, 2 + number};
      made.tokens_per_step = 100;
      for (const double seed : {0.0, 0.25})
        made.results.push_back({1.25 + number + seed,
                                0.5 + seed,
                                0.125 * (number + 1),
                                {{2, 8 + seed}, {4, 4 - number / 8}, {6, 2}, {8, 1.5}}});
      number += 1;
    }
    reports += markdown(measured, scale);
    drawn(measured, [](const MeasuredTraining& m, const auto& path) { plot(m, path); });
    drawn(measured, plot_curves);
  }
  for (const char* name : {"fig3", "fig4", "4b"}) {
    MeasuredTiming measured{.table = *timing_table(name, scale)};
    for (const TimingCase& each : measured.table.cases) {
      const double base = 1e-6 * static_cast<double>(each.tokens) * static_cast<double>(each.method.size());
      measured.cases.push_back(
          {.timed = each, .keys_per_query = 7, .forward = {base, 1.5 * base}, .backward = {3 * base, 4 * base}});
    }
    reports += markdown(measured, scale);
    drawn(measured, [](const MeasuredTiming& m, const auto& path) { plot(m, path); });
  }
  EXPECT_EQ(room::differs_from_kept("compare/tables_reports", reports), "");
  EXPECT_EQ(room::differs_from_kept("compare/tables_figures", figures), "");
}

}  // namespace
}  // namespace llsa::compare::tables
