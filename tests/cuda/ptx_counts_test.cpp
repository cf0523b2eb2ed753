// The ratchet: what the tuned kernels' PTX does for a fixed small problem, held against the kept counts. To keep new
// ones:
//   build/release/bin/llsa-ptx-counts --json tests/cuda/ptx_counts.json
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cuda/ptx/report/chips.hpp"
#include "cuda/ptx/report/ratchet.hpp"
#include "cuda/ptx/report/workload.hpp"
#include "cuda/ptx/settings.hpp"
#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

TEST(PtxCounts, of_the_tuned_kernels_have_not_grown) {
  settings().device = device_named("h100");
  std::ifstream file(LLSA_PTX_COUNTS);
  std::stringstream text;
  text << file.rdbuf();
  ASSERT_TRUE(file) << LLSA_PTX_COUNTS;
  const auto kept = read_counts(text.str());
  if (kept.empty()) GTEST_SKIP() << "no counts are kept yet: llsa-ptx-counts --json tests/cuda/ptx_counts.json";
  for (const std::string& line : grown(count_workload({}), kept))
    ADD_FAILURE() << line << " (if that is meant: llsa-ptx-counts --json tests/cuda/ptx_counts.json)";
}

TEST(PtxCounts, that_grow_by_more_than_two_percent_are_named) {
  KernelCounts counts;
  counts["a"].instructions = 1000, counts["b"].global_sectors = 50;
  const auto kept = read_counts(to_json(counts));
  EXPECT_TRUE(grown(counts, kept).empty());
  counts["a"].instructions = 1020;
  EXPECT_TRUE(grown(counts, kept).empty());
  counts["a"].instructions = 1021;
  EXPECT_EQ(grown(counts, kept), std::vector<std::string>{"kernel a: instructions has grown from 1000 to 1021"});
  counts["a"].instructions = 900;
  EXPECT_TRUE(grown(counts, kept).empty());
  counts["b"].shared_wavefronts = 1;
  EXPECT_EQ(grown(counts, kept), std::vector<std::string>{"kernel b: shared_wavefronts has grown from 0 to 1"});
  counts.erase("b");
  counts["c"] = {};
  EXPECT_EQ(grown(counts, kept), (std::vector<std::string>{"kernel c is new", "kernel b no longer runs"}));
  EXPECT_THROW(read_counts("[1]"), Error);
}

TEST(PtxCounts, bound_times_by_the_part_of_the_chip_that_takes_longest) {
  const Chip& chip = chip_named("h100");
  Counts counts;
  counts.instructions = 4 * 132 * 1830;
  EXPECT_NEAR(bounds(counts, chip).largest(), 1e-6, 1e-12);
  EXPECT_EQ(bounds(counts, chip).name_of_largest(), "issue");
  counts.matrix_operations = 2 * 989'400'000;
  EXPECT_NEAR(bounds(counts, chip).matrix, 2e-6, 1e-12);
  EXPECT_EQ(bounds(counts, chip).name_of_largest(), "matrix");
  counts.missing_sectors = 3350 * 1000;
  EXPECT_NEAR(bounds(counts, chip).memory, 32e-6, 1e-12);
  EXPECT_EQ(bounds(counts, chip).name_of_largest(), "memory");
  EXPECT_THROW(chip_named("h101"), Error);
}

}  // namespace
}  // namespace llsa::ptx
