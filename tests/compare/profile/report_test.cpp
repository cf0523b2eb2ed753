#include "compare/profile/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "compare/markdown_table.hpp"
#include "compare/profile/plot.hpp"
#include "support/kept_text.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::compare::profile {
namespace {

/// Made-up numbers, so that every figure of the reports can be told beforehand.
Profile made_up() {
  Profile profile{.request = {.tokens = {256, 1024}, .dense_limit = 256}, .threads = 2};
  profile.sizes = {{.tokens = 256, .levels = 1, .keys_per_query = 48, .working_bytes = 3 << 20, .input_bytes = 1 << 20},
                   {.tokens = 1024, .levels = 2, .keys_per_query = 99.6, .input_bytes = 512}};
  const auto add = [&](const char* method, const char* pass, const char* stage, std::int64_t tokens, double seconds) {
    profile.series.push_back({method, pass, stage, tokens, {}});
    for (const double factor : {0.9, 1.0, 1.3, 1.0, 0.8})
      profile.series.back().samples.push_back({1 + seconds, factor * seconds, 2 * factor * seconds});
  };
  add("llsa", "forward", "total", 256, 0.010);
  add("llsa", "forward", "select", 256, 0.004);
  add("llsa", "backward", "total", 256, 0.025);
  add("dense", "forward", "total", 256, 0.005);
  add("dense", "backward", "total", 256, 0.100);
  add("llsa", "forward", "total", 1024, 0.040);
  add("llsa", "backward", "total", 1024, 0.120);
  return profile;
}

std::vector<std::string> cells_of(const std::string& report, const std::string& line_start) {
  std::istringstream lines(report);
  std::vector<std::string> cells;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(line_start)) continue;
    std::istringstream row(line.substr(1));
    for (std::string cell; std::getline(row, cell, '|');) {
      const std::size_t first = cell.find_first_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
  }
  return cells;
}

TEST(ProfileReport, tables_hold_medians_spreads_and_ratios_and_dashes_for_what_was_not_timed) {
  const std::string report = profile_report(made_up());
  const std::vector<std::string> small{"256",         "1",           "48",         "-",     "4.00 ms ±5%", "-",
                                       "10.0 ms ±5%", "5.00 ms ±5%", "0.50x",      "256",   "-",           "-",
                                       "25.0 ms ±5%", "2.50x",       "100 ms ±5%", "4.00x", "3.0 MiB",     "1.0 MiB"};
  EXPECT_EQ(cells_of(report, "| 256 "), small);
  const std::vector<std::string> large{"1024", "2", "100", "-",          "-",     "-", "40.0 ms ±5%", "-", "-",
                                       "1024", "-", "-",   "120 ms ±5%", "3.00x", "-", "-",           "-", "0 KiB"};
  EXPECT_EQ(cells_of(report, "| 1024 "), large);
}

TEST(ProfileReport, report_and_plot_are_as_kept) {
  Profile profile = made_up();
  profile.request.methods = {"vsa"};
  for (const std::int64_t tokens : {256, 1024}) {
    ProfileSeries vsa{"vsa", "forward", "total", tokens, {}};
    for (const double seconds : {0.02, 0.03, 0.05})
      vsa.samples.push_back({2, seconds * static_cast<double>(tokens) / 256, 0});
    profile.series.push_back(vsa);
  }
  EXPECT_EQ(room::differs_from_kept("compare/profile_report", profile_report(profile)), "");
  const room::TemporaryFolder folder;
  plot_profile(profile, folder / "p.scene");
  EXPECT_EQ(room::differs_from_kept("compare/profile_plot", room::read_text(folder / "p.scene")), "");
}

TEST(ProfileReport, says_exponents_and_crossovers) {
  const std::string report = profile_report(made_up());
  for (const char* line :
       {"LLSA forward: time grows like N^1.00 from 256 to 1024 tokens\n",
        "LLSA backward: time grows like N^1.13 from 256 to 1024 tokens\n",
        "crossover, forward: dense attention is faster at the longest length at which both were timed\n",
        "crossover, backward: LLSA is faster at every length at which both were timed\n",
        "dense attention was timed up to 256 tokens (--dense-limit)\n"})
    EXPECT_NE(report.find(line), std::string::npos) << line << report;
  EXPECT_EQ(report.find("dense forward: time grows"), std::string::npos);
}

TEST(ProfileReport, json_follows_google_benchmark_s_schema) {
  const Profile profile = made_up();
  const auto json = nlohmann::json::parse(profile_json(profile, "llsa-compare"));
  for (const char* key : {"date", "host_name", "executable", "num_cpus", "mhz_per_cpu", "cpu_scaling_enabled", "caches",
                          "load_avg", "library_build_type"})
    EXPECT_TRUE(json.at("context").contains(key)) << key;
  EXPECT_EQ(json["context"]["executable"], "llsa-compare");
  EXPECT_EQ(json["context"]["threads"], 2);
  const auto& rows = json.at("benchmarks");
  ASSERT_EQ(rows.size(), profile.series.size() * (5 + 4));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const ProfileSeries& series = profile.series[i / 9];
    EXPECT_EQ(row["run_name"], series.name("reference"));
    EXPECT_EQ(row["family_index"], i / 9);
    EXPECT_EQ(row["time_unit"], "ms");
    EXPECT_EQ(row["repetitions"], 5);
    if (i % 9 < 5) {
      EXPECT_EQ(row["name"], row["run_name"]);
      EXPECT_EQ(row["run_type"], "iteration");
      EXPECT_EQ(row["repetition_index"], i % 9);
      EXPECT_EQ(row["iterations"], 1);
      EXPECT_DOUBLE_EQ(row["real_time"].get<double>(), 1e3 * series.samples[i % 9].wall);
      EXPECT_DOUBLE_EQ(row["cpu_time"].get<double>(), 1e3 * series.samples[i % 9].cpu);
    } else {
      EXPECT_EQ(row["name"].get<std::string>(),
                series.name("reference") + "_" + row["aggregate_name"].get<std::string>());
      EXPECT_EQ(row["run_type"], "aggregate");
    }
  }
  EXPECT_EQ(rows[0]["name"], "reference/llsa/forward/total/256");
  EXPECT_NEAR(rows[5]["real_time"].get<double>(), 10.0, 1e-9);    // mean
  EXPECT_NEAR(rows[6]["real_time"].get<double>(), 10.0, 1e-9);    // median
  EXPECT_NEAR(rows[7]["real_time"].get<double>(), 1.8708, 1e-4);  // sample standard deviation
  EXPECT_NEAR(rows[8]["real_time"].get<double>(), 0.18708, 1e-5);
  EXPECT_EQ(rows[8]["aggregate_unit"], "percentage");
  EXPECT_NEAR(rows[6]["cpu_time"].get<double>(), 20.0, 1e-9);
}

TEST(ProfileReport, trace_holds_every_timed_call_once) {
  const Profile profile = made_up();
  const auto trace = nlohmann::json::parse(profile_trace(profile));
  std::size_t calls = 0;
  for (const auto& event : trace.at("traceEvents")) {
    if (event["ph"] != "X") continue;
    const ProfileSeries& series = profile.series[calls / 5];
    EXPECT_DOUBLE_EQ(event["ts"].get<double>(), 1e6 * series.samples[calls % 5].begin);
    EXPECT_DOUBLE_EQ(event["dur"].get<double>(), 1e6 * series.samples[calls % 5].wall);
    EXPECT_EQ(event["args"]["tokens"], series.tokens);
    EXPECT_EQ(event["name"], series.stage == "total" ? series.pass : series.stage);
    EXPECT_EQ(event["tid"], series.method == "llsa" ? 1 : 2);
    ++calls;
  }
  EXPECT_EQ(calls, 5 * profile.series.size());
}

TEST(ProfileReport, markdown_tables_line_up_by_characters) {
  EXPECT_EQ(markdown_table({"name", "µs"}, {{"a", "±12345"}, {"longer", "7"}}),
            "| name   |     µs |\n"
            "|:-------|-------:|\n"
            "| a      | ±12345 |\n"
            "| longer |      7 |\n");
}

TEST(ProfileReport, durations_have_three_digits_and_a_unit) {
  EXPECT_EQ(format_seconds(0), "0 s");
  EXPECT_EQ(format_seconds(12.345), "12.3 s");
  EXPECT_EQ(format_seconds(1), "1.00 s");
  EXPECT_EQ(format_seconds(0.99951), "1.00 s");
  EXPECT_EQ(format_seconds(0.1234), "123 ms");
  EXPECT_EQ(format_seconds(0.00999), "9.99 ms");
  EXPECT_EQ(format_seconds(12.6e-6), "12.6 us");
  EXPECT_EQ(format_seconds(5e-9), "5.00 ns");
  EXPECT_EQ(format_seconds(1234), "1234 s");
}

TEST(ProfileReport, every_timed_call_in_the_json_has_the_counters_of_its_series) {
  Profile profile = made_up();
  profile.series[0].flops = 1000;
  profile.series[0].bytes = 500;
  const auto json = nlohmann::json::parse(profile_json(profile, "llsa-compare"));
  for (std::size_t i = 0; i < json["benchmarks"].size(); ++i) {
    if (i % 9 >= 5) continue;  // means and the like have none
    const auto& row = json["benchmarks"][i];
    const ProfileSeries& series = profile.series[i / 9];
    EXPECT_EQ(row["tokens"], series.tokens) << i;
    EXPECT_EQ(row.contains("levels"), series.method == "llsa") << i;
    if (series.method == "llsa") {
      EXPECT_EQ(row["levels"], series.tokens == 256 ? 1 : 2) << i;
    }
    EXPECT_EQ(row.contains("flops"), i / 9 == 0) << i;
    EXPECT_EQ(row.contains("working_bytes"), series.method == "llsa" && series.tokens == 256) << i;
  }
  EXPECT_EQ(json["benchmarks"][0]["flops"], 1000);
  EXPECT_EQ(json["benchmarks"][4]["bytes"], 500);
}

}  // namespace
}  // namespace llsa::compare::profile
