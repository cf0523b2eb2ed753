#include "viewer/model/profile.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <fstream>

#include "small_problem.hpp"
#include "viewer/model/figures.hpp"

namespace llsa::viewer {
namespace {

Profile parse(const std::string& text) {
  TemporaryFolder folder;
  std::ofstream(folder / "p.json") << text;
  return load_profile(folder / "p.json");
}

TEST(Profile, medians_are_taken_per_name_and_units_converted) {
  const Profile profile = parse(R"({"context": {}, "benchmarks": [
    {"name": "reference/llsa/forward/total/1024", "run_type": "iteration", "real_time": 9, "time_unit": "ms"},
    {"name": "reference/llsa/forward/total/1024", "run_type": "iteration", "real_time": 1e6, "time_unit": "ns"},
    {"name": "reference/llsa/forward/total/1024", "run_type": "iteration", "real_time": 2000, "time_unit": "us"},
    {"name": "reference/llsa/forward/total/256", "run_type": "iteration", "real_time": 0.5, "time_unit": "ms"},
    {"name": "reference/llsa/forward/pool/256_median", "run_type": "aggregate", "aggregate_name": "median", "real_time": 4, "time_unit": "ms"},
    {"name": "reference/llsa/forward/pool/256_mean", "run_type": "aggregate", "aggregate_name": "mean", "real_time": 99, "time_unit": "ms"},
    {"name": "reference/llsa/forward/pool/256", "run_type": "iteration", "real_time": 7, "time_unit": "ms"},
    {"name": "something else", "real_time": 1, "time_unit": "ms"}]})");
  ASSERT_EQ(profile.series.size(), 2u);
  EXPECT_EQ(profile.series[0].group(), "reference llsa forward");
  ASSERT_EQ(profile.series[0].points.size(), 2u);
  EXPECT_EQ(profile.series[0].points[0].tokens, 256);
  EXPECT_EQ(profile.series[0].points[1].milliseconds, 2);
  EXPECT_EQ(profile.series[1].stage, "pool");
  EXPECT_EQ(profile.series[1].points[0].milliseconds, 4);
  EXPECT_EQ(profile.groups(), std::vector<std::string>{"reference llsa forward"});
}

TEST(Profile, counted_work_is_bounded_by_what_the_device_reaches_at_that_length) {
  const Profile profile = parse(R"({"context": {"ceilings": [
      {"tokens": 256, "copy_bytes_per_second": 1e9, "score_flops_per_second": 2e9, "value_flops_per_second": 4e9},
      {"tokens": 512, "copy_bytes_per_second": 0, "score_flops_per_second": 2e9, "value_flops_per_second": 0}]},
    "benchmarks": [
    {"name": "cuda/llsa/forward/total/256", "real_time": 9, "time_unit": "ms", "flops": 8e6, "bytes": 3e6},
    {"name": "cuda/llsa/forward/total/512", "real_time": 9, "time_unit": "ms", "flops": 8e6, "bytes": 3e6},
    {"name": "cuda/llsa/forward/total/1024", "real_time": 9, "time_unit": "ms", "flops": 8e6, "bytes": 3e6},
    {"name": "cuda/llsa/forward/pool/256", "real_time": 9, "time_unit": "ms"}]})");
  ASSERT_EQ(profile.series[0].points.size(), 3u);
  EXPECT_DOUBLE_EQ(profile.series[0].points[0].bound.value(), 3) << "bytes: 3 ms, more than the 2 of arithmetic";
  EXPECT_DOUBLE_EQ(profile.series[0].points[1].bound.value(), 4) << "the copy was not measured";
  EXPECT_FALSE(profile.series[0].points[2].bound) << "nothing is known of that length";
  EXPECT_FALSE(profile.series[1].points[0].bound) << "nothing is counted";
  const plot::LineChart chart = profile_chart(profile);
  ASSERT_EQ(chart.series.size(), 2u);
  EXPECT_EQ(chart.series[1].x, (std::vector<double>{256, 512}));
  EXPECT_EQ(chart.series[1].y, (std::vector<double>{3, 4}));
  EXPECT_FALSE(chart.series[1].markers);
}

TEST(Profile, more_lines_than_colours_are_told_apart_by_dashes) {
  std::string entries;
  for (int i = 0; i < 8; ++i)
    entries += std::string(i ? "," : "") + R"({"name": "reference/llsa/forward/s)" + std::to_string(i) +
               R"(/256", "real_time": 1, "time_unit": "ms"})";
  const plot::LineChart chart = profile_chart(parse(R"({"benchmarks": [)" + entries + "]}"), "reference llsa forward");
  ASSERT_EQ(chart.series.size(), 8u);
  for (std::size_t a = 0; a < 8; ++a)
    for (std::size_t b = 0; b < a; ++b)
      EXPECT_FALSE(chart.series[a].color == chart.series[b].color && chart.series[a].dashes == chart.series[b].dashes);
}

RC_GTEST_PROP(Profile, the_power_of_a_power_law_is_found, ()) {
  const double power = *rc::gen::inRange(-8, 12) / 4.0, factor = *rc::gen::inRange(1, 100) / 7.0;
  ProfileSeries series;
  for (int n = 0; n < *rc::gen::inRange(2, 6); ++n) {
    const double tokens = std::pow(2, 8 + n);
    series.points.push_back({tokens, factor * std::pow(tokens, power)});
  }
  if (series.points.size() >= 2) RC_ASSERT(std::abs(*series.exponent() - power) < 1e-9);
}

RC_GTEST_PROP(Profile, power_laws_cross_where_they_are_equal, ()) {
  const double at = *rc::gen::inRange(300, 30000);
  std::vector<ProfilePoint> linear, quadratic;
  for (double n = 256; n <= 32768; n *= 2) {
    linear.push_back({n, n / at});
    quadratic.push_back({n, n * n / at / at});
  }
  const auto found = crossing(linear, quadratic);
  RC_ASSERT(found.has_value());
  RC_ASSERT(std::abs(*found / at - 1) < 1e-9);
  RC_ASSERT(!crossing(quadratic, linear).has_value());
}

TEST(Profile, the_crossover_of_the_totals_names_the_winner) {
  const Profile profile = parse(R"({"benchmarks": [
    {"name": "reference/llsa/forward/total/100", "real_time": 2, "time_unit": "ms"},
    {"name": "reference/llsa/forward/total/10000", "real_time": 200, "time_unit": "ms"},
    {"name": "reference/dense/forward/total/100", "real_time": 1, "time_unit": "ms"},
    {"name": "reference/dense/forward/total/10000", "real_time": 10000, "time_unit": "ms"},
    {"name": "reference/dense/backward/total/100", "real_time": 1, "time_unit": "ms"}]})");
  ASSERT_EQ(profile.crossovers.size(), 1u);
  EXPECT_EQ(profile.crossovers[0].faster, "llsa");
  EXPECT_EQ(profile.crossovers[0].slower, "dense");
  EXPECT_NEAR(profile.crossovers[0].tokens, 200, 1e-6);
}

TEST(Profile, other_files_are_refused_in_one_line) {
  for (const char* text :
       {"", "{}", "[1]", "{\"benchmarks\": []}", "{\"benchmarks\": [{\"name\": 3}]}",
        "{\"benchmarks\": [{\"name\": \"a/b/c/total/16\", \"real_time\": 1, \"time_unit\": \"h\"}]}"}) {
    const std::string message = error_of([&] { parse(text); });
    EXPECT_NE(message.find("p.json: "), std::string::npos) << text;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_NE(error_of([] { load_profile("/nowhere/p.json"); }), "");
}

}  // namespace
}  // namespace llsa::viewer
