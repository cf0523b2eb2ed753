// The ratchet: what the tuned kernels' PTX does for a fixed small problem, held against the kept counts. To keep new
// ones:
//   build/release/bin/llsa-ptx-counts --json tests/cuda/ptx_counts.json
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cuda/ptx/report/chips.hpp"
#include "cuda/ptx/report/ratchet.hpp"
#include "cuda/ptx/report/resources.hpp"
#include "cuda/ptx/report/workload.hpp"
#include "cuda/ptx/settings.hpp"
#include "llsa/error.hpp"
#include "support/check.hpp"
#include "support/temporary_folder.hpp"

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

TEST(PtxCounts, warps_of_a_multiprocessor_are_what_registers_shared_memory_and_threads_leave_room_for) {
  const Device h100 = device_named("h100");
  Counts counts;
  counts.blocks = 10, counts.threads = 10 * 256;
  EXPECT_EQ(warps_per_multiprocessor(counts, 32, h100), 64);
  EXPECT_EQ(warps_per_multiprocessor(counts, 128, h100), 16);
  EXPECT_EQ(warps_per_multiprocessor(counts, 129, h100), 8);  // 136 in units of 8, and whole blocks only
  counts.block_shared_bytes = 100 * 1024;
  EXPECT_EQ(warps_per_multiprocessor(counts, 32, h100), 16);
  counts.threads = 10 * 32, counts.block_shared_bytes = 0;
  EXPECT_EQ(warps_per_multiprocessor(counts, 32, h100), 32);
  EXPECT_EQ(warps_per_multiprocessor(counts, 32, device_named("l40s")), 24);
  EXPECT_EQ(warps_per_multiprocessor({}, 32, h100), 0);
}

TEST(PtxCounts, registers_are_read_for_one_architecture_and_a_folder_without_reports_is_named) {
  const llsa::room::TemporaryFolder folder;
  std::ofstream(folder.path() / "a.o.ptxas")
      << "ptxas info    : Compiling entry function 'first' for 'sm_80'\nptxas info    : Used 90 registers, used 1\n"
      << "ptxas info    : Compiling entry function 'first' for 'sm_90a'\n    0 bytes stack frame\n"
      << "ptxas info    : Used 122 registers, used 1 barriers\n";
  EXPECT_EQ(read_registers(folder.path(), "sm_90a"), (std::map<std::string, int>{{"first", 122}}));
  llsa::testing::expect_error(
      "no report of ptxas for sm_70 lies below " + folder.path().string() + "; give the build's folder cuda",
      [&] { read_registers(folder.path(), "sm_70"); });
}

}  // namespace
}  // namespace llsa::ptx
