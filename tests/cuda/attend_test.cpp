// attend, attend_backward and the mask-based baseline against the formulas in double. Compiled for the executor and,
// with the label gpu, for the device.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "cuda/device.hpp"
#include "cuda/stage_attention.hpp"
#include "support/check.hpp"

namespace llsa::cuda {
namespace {

using testing::Case;
using testing::close;
using testing::Problem;
using testing::require;
using testing::Values;
using testing::Verdict;

constexpr double infinity = std::numeric_limits<double>::infinity();

std::int64_t heads_of(const Case& c) { return c.batch * c.heads; }

/// Outputs and gradients of the stages in double.
template <class T>
compare::Results results_of(const Problem<T>& problem, const Selection& selection, const StageRun& how) {
  const StageAttention<T> stages(problem, selection, how.stream);
  StageOutputs outputs = stages.forward(how);
  StageGradients gradients = stages.backward(how);
  return {std::move(outputs.output), std::move(outputs.lse), std::move(gradients.query), std::move(gradients.key),
          std::move(gradients.value)};
}

/// How they differ from the oracle's.
template <class T>
compare::PerResult<compare::Comparison> errors_of(const Problem<T>& problem, const Selection& selection,
                                                  const StageRun& how = {}) {
  compare::Problem<double> exact = problem.exact();
  const compare::Magnitudes magnitudes = compare::magnitudes_of(exact);
  if (!how.with_lse_gradient) exact.lse_gradient = {};
  return compare::compare_results(results_of(problem, selection, how), testing::oracle_results(exact, selection),
                                  magnitudes);
}

/// For half types from dense attention by the same stages on the case's numbers, else from the table.
template <class T>
compare::Allowances allowances(const Problem<T>& problem, const StageRun& how) {
  const compare::Problem<double> exact = problem.exact();
  if constexpr (std::is_same_v<T, float>) {
    return testing::strict_allowances<T>(exact);
  } else {
    Case dense = problem.parameters;
    dense.options = {.levels = 0, .scale = problem.options.scale};
    const Problem<T> of_dense(dense);
    compare::Allowances allowed = compare::derived_allowances(
        exact, dtype_of<T>(), errors_of(of_dense, Selection(heads_of(dense), of_dense.options), how));
    // The worst of all elements varies from one set of sums to another more than their mean does.
    for (compare::Tolerance* each :
         {&allowed.output, &allowed.query_gradient, &allowed.key_gradient, &allowed.value_gradient})
      each->element *= 1.5;
    return allowed;
  }
}

/// Outputs and gradients of the stages against the oracle's.
template <class T>
Verdict equals_the_oracle(const Problem<T>& problem, const Selection& selection, const StageRun& how = {}) {
  StageRun of_dense = how;
  of_dense.backward = Backward::transposed;
  const std::string why = compare::explain(errors_of(problem, selection, how), allowances(problem, of_dense));
  return why.empty() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << why;
}

template <class T>
Verdict equals_the_oracle(const Case& original, bool same_for_all_queries = false, const StageRun& how = {}) {
  const Case c = std::is_same_v<T, float> ? original : testing::well_conditioned(original);
  const Selection selection = testing::random_selection(c.resolved(), heads_of(c), c.seed + 1, same_for_all_queries);
  return equals_the_oracle(Problem<T>(c), selection, how) << c;
}

/// On one selection that is the same wherever the case is.
template <class T>
Verdict is_accurate(const Case& c, bool same_for_all_queries = false) {
  return equals_the_oracle(Problem<T>(c),
                           testing::random_selection(c.resolved(), heads_of(c), 2, same_for_all_queries));
}

/// Any valid case whose dimensions the kernels take; with `tuned` more often one of the sizes that they are tuned for.
Case some_case(std::int64_t tokens, bool tuned = false) {
  Case c = *testing::cases({.tokens = tokens, .batch = 2, .heads = 2, .dim = 1});
  const auto dimension = [] {
    return 8 * *rc::gen::weightedElement<std::int64_t>(
                   {{12, 1}, {6, 2}, {4, 3}, {2, 5}, {2, 9}, {1, 12}, {1, 16}, {1, 21}, {1, 32}});
  };
  c.dim = dimension();
  c.value_dim = *rc::gen::arbitrary<bool>() ? c.dim : dimension();
  if (tuned) {
    c.options.block_size = *rc::gen::weightedElement<std::int64_t>({{4, 16}, {2, 32}, {1, 48}, {2, 8}, {2, 4}});
    c.dim = c.value_dim = *rc::gen::weightedElement<std::int64_t>({{6, 32}, {2, 64}, {1, 128}});
  }
  c.magnitude = std::min(c.magnitude, 4.0);
  return c;
}

StageRun some_run() {
  StageRun how;
#if defined(LLSA_SIMT)
  how.stream.execution = {.os_threads = 1,
                          .order = simt::Order::shuffled,
                          .seed = *rc::gen::inRange<std::uint64_t>(0, 99),
                          .shared_limit = 1024 * *rc::gen::element<std::size_t>(99, 163, 227)};
#endif
  how.with_lse_gradient = *rc::gen::arbitrary<bool>();
  how.garbage = *rc::gen::element<unsigned char>(0xff, 0x7f, 0x3f);
  return how;
}

class AttendTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_unavailable()) GTEST_SKIP() << *why;
  }
};

template <class T>
class AttendStages : public AttendTest {
 protected:
  static constexpr bool narrow = !std::is_same_v<T, float>;
};
using StorageTypes = ::testing::Types<float, half, bfloat16>;
TYPED_TEST_SUITE(AttendStages, StorageTypes);

TYPED_TEST(AttendStages, equal_the_formulas_for_any_problem_and_selection) {
  testing::check("outputs and gradients equal the formulas", [] {
    const Case c = some_case(TestFixture::narrow ? 100 : 200);
    testing::classify(c);
    require(equals_the_oracle<TypeParam>(c, c.values == Values::hot_key, some_run()));
  });
}

TYPED_TEST(AttendStages, equal_the_formulas_for_any_problem_of_the_tuned_sizes) {
  testing::check("outputs and gradients equal the formulas", [] {
    const Case c = some_case(300, true);
    testing::classify(c);
    require(equals_the_oracle<TypeParam>(c, c.values == Values::hot_key, some_run()));
  });
}

TYPED_TEST(AttendStages, equal_the_formulas_for_all_tuned_sizes) {
  for (const std::int64_t block : {16, 32, 64})
    for (const std::int64_t dim : {32, 64, 128})
      // Ragged at every level, cross attention; at block size 16 queries enough for two tiles.
      EXPECT_TRUE(
          is_accurate<TypeParam>(Case{.heads = dim == 32 ? 2 : 1,
                                      .query_tokens = block == 16 ? 261 : 3 * block + 21,
                                      .key_tokens = block == 16 ? 549 : 5 * block + 7,
                                      .dim = dim,
                                      .value_dim = dim,
                                      .options = {.block_size = block, .levels = block == 16 ? 2 : 1, .top_k = {3}},
                                      .seed = 7}));
}

/// Every dimension that tiles are filled up to, with D and Dv different and neither a multiple of 16, for small blocks
/// and for those that a tile of keys holds one, two and four times 16 of.
TYPED_TEST(AttendStages, equal_the_formulas_for_dimensions_that_fill_no_tile) {
  for (const std::int64_t block : {4, 8, 16, 32, 64})
    for (const auto& [dim, value_dim] :
         {std::pair{8, 24}, {40, 56}, {72, 72}, {88, 72}, {104, 8}, {72, 136}, {248, 200}})
      EXPECT_TRUE(
          is_accurate<TypeParam>(Case{.query_tokens = 53 + block,
                                      .key_tokens = 2 * block + 45,
                                      .dim = dim,
                                      .value_dim = value_dim,
                                      .options = {.block_size = block, .levels = block < 16 ? 2 : 1, .top_k = {2}},
                                      .seed = 11}))
          << "B " << block << ", D " << dim << ", Dv " << value_dim;
}

/// Blocks smaller than a warp's 16 queries, in every place of a hierarchy, and coarse keys that coverage drops.
TYPED_TEST(AttendStages, equal_the_formulas_for_blocks_smaller_than_a_tile_of_tensor_cores) {
  for (const std::int64_t block : {2, 3, 4, 5, 8, 13})
    for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint})
      EXPECT_TRUE(is_accurate<TypeParam>(
          Case{.query_tokens = 150,
               .key_tokens = 141,
               .dim = 32,
               .value_dim = 32,
               .options = {.block_size = block, .levels = block < 5 ? 3 : 2, .top_k = {3}, .coverage = coverage},
               .seed = 17}))
          << "B " << block;
}

/// More coarse keys than a stage holds, lists of more blocks than a warp has lanes, more tokens than other cases have.
TYPED_TEST(AttendStages, equal_the_formulas_for_long_lists_and_many_coarse_keys) {
  for (const std::int64_t block : {16, 8})
    for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint})
      EXPECT_TRUE(is_accurate<TypeParam>(
          Case{.query_tokens = 330,
               .key_tokens = 107 * block - 5,
               .dim = 64,
               .value_dim = 64,
               .options = {.block_size = block, .levels = 1, .top_k = {40}, .coverage = coverage},
               .seed = 19}))
          << "B " << block;
}

TYPED_TEST(AttendStages, take_the_largest_dimensions_and_blocks_larger_than_the_problem) {
  for (const std::int64_t block : {4, 1000000007})
    EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 20,
                                                  .key_tokens = 37,
                                                  .dim = 256,
                                                  .value_dim = 256,
                                                  .options = {.block_size = block, .levels = 2, .top_k = {2}},
                                                  .seed = 3}));
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 20,
                                                .key_tokens = 37,
                                                .dim = 32,
                                                .value_dim = 32,
                                                .options = {.block_size = 1 << 30, .levels = 2, .top_k = {2}}}));
}

TYPED_TEST(AttendStages, are_dense_attention_without_levels) {
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 40,
                                                .key_tokens = 150,
                                                .dim = 64,
                                                .value_dim = 64,
                                                .options = {.block_size = 3, .levels = 0},
                                                .seed = 5}));
}

TYPED_TEST(AttendStages, take_as_many_levels_as_there_can_be) {
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 9,
                                                .key_tokens = 5,
                                                .dim = 8,
                                                .value_dim = 8,
                                                .options = {.block_size = 2, .levels = max_levels, .top_k = {2}}}));
}

/// Keys with lists of 1,100 to 2,100 queries: several parts each, whose places in the workspace lie side by side.
TYPED_TEST(AttendStages, add_up_the_parts_of_hot_keys_lists) {
  for (const std::int64_t block : {16, 6})
    for (const std::int64_t queries : {1100, 2100}) {
      const Case c{.query_tokens = queries,
                   .key_tokens = 5 * block + 3,
                   .dim = block == 6 ? 8 : 32,
                   .value_dim = block == 6 ? 16 : 32,
                   .options = {.block_size = block, .levels = 2, .top_k = {3, 2}},
                   .seed = 9};
      // Where lists differ, places are found among parents with long, short and no lists.
      EXPECT_TRUE(is_accurate<TypeParam>(c, queries == 2100));
    }
}

TYPED_TEST(AttendStages, let_a_non_finite_number_reach_those_that_attend_to_it_only) {
  testing::check("non-finite results are where the formulas put them", [] {
    Case c = some_case(100, *rc::gen::arbitrary<bool>());
    // Scores of order 1: a probability that the storage type rounds to 0 would make NaN of infinity.
    c.magnitude = 1;
    c.options.scale = *rc::gen::element(0.05, -0.1);
    c.query_layout = c.key_layout = c.value_layout = testing::Layout::contiguous;
    Problem<TypeParam> problem(c);
    const auto plant = [](auto view) {
      using T = std::remove_reference_t<decltype(view(0, 0, 0, 0))>;
      const auto below = [](std::int64_t n) { return *rc::gen::inRange<std::int64_t>(0, n); };
      const double value = *rc::gen::element(std::numeric_limits<double>::quiet_NaN(), infinity, -infinity);
      view(below(view.shape.batch), below(view.shape.heads), below(view.shape.tokens), below(view.shape.dim)) =
          static_cast<T>(static_cast<float>(value));
    };
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        plant(problem.query.view());
        break;
      case 1:
        plant(problem.key.view());
        break;
      case 2:
        plant(problem.value.view());
        break;
      case 3:
        plant(problem.output_gradient.view());
        break;
    }
    require(equals_the_oracle(problem, testing::random_selection(problem.options, heads_of(c), c.seed)));
  });
}

/// Infinities where products over whole tiles could make NaN of them: 0 times infinity is for nobody who has no part in
/// it.
TYPED_TEST(AttendStages, keep_infinities_from_those_that_have_no_part_in_them) {
  for (const auto& [dim, block] : {std::pair{8, 16}, {32, 16}, {32, 4}, {72, 8}}) {
    Case c{.query_tokens = 70,
           .key_tokens = 100,
           .dim = dim,
           .value_dim = dim,
           .options = {.block_size = block, .levels = 1, .top_k = {3}, .coverage = Coverage::disjoint, .scale = 0.1},
           .seed = 2};
    const auto infinite = static_cast<TypeParam>(std::numeric_limits<float>::infinity());
    const Selection selection = testing::random_selection(c.resolved(), 1, 6);
    {  // Queries that refined the block see the value, the others the mean above it; the former dropped the mean.
      Problem<TypeParam> problem(c);
      problem.value.view()(0, 0, 37, 3) = infinite;
      EXPECT_TRUE(equals_the_oracle(problem, selection));
      const StageOutputs outputs = StageAttention<TypeParam>(problem, selection, {}).forward({});
      for (std::int64_t i = 0; i < c.query_tokens; ++i)
        EXPECT_EQ(outputs.output(0, 0, i, 3), infinity) << "query " << i;
    }
    {  // The same for the gradient of a query: dropped keys have no part in it.
      Problem<TypeParam> problem(c);
      problem.output_gradient.view()(0, 0, 20, 3) = infinite;
      EXPECT_TRUE(equals_the_oracle(problem, selection));
    }
    {  // All probabilities of a key are 0, and those of the queries that only fill a tile must be too.
      c.options.coverage = Coverage::overlapping;
      Problem<TypeParam> problem(c);
      for (std::int64_t i = 0; i < c.query_tokens; ++i) problem.query.view()(0, 0, i, 0) = TypeParam(1.0f);
      problem.key.view()(0, 0, 99, 0) = static_cast<TypeParam>(-std::numeric_limits<float>::infinity());
      EXPECT_TRUE(equals_the_oracle(problem, selection));
    }
  }
}

TYPED_TEST(AttendStages, are_as_exact_as_dense_attention_of_the_same_precision) {
  for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint}) {
    Case c{.heads = 2,
           .query_tokens = 256,
           .key_tokens = 256,
           .dim = 64,
           .value_dim = 64,
           .options = {.block_size = 16, .levels = 2, .top_k = {4, 1}, .coverage = coverage},
           .seed = 8};
    const auto errors = [](const Case& each) {
      return errors_of(Problem<TypeParam>(each), testing::random_selection(each.resolved(), heads_of(each), 2));
    };
    const auto sparse = errors(c);
    c.options = {.block_size = 16, .levels = 0};
    const auto dense = errors(c);
    EXPECT_LE(sparse.output.relative_l2, 2 * dense.output.relative_l2);
    EXPECT_LE(sparse.query_gradient.relative_l2, 3 * dense.query_gradient.relative_l2);
    EXPECT_LE(sparse.key_gradient.relative_l2, 3 * dense.key_gradient.relative_l2);
    EXPECT_LE(sparse.value_gradient.relative_l2, 3 * dense.value_gradient.relative_l2);
  }
}

TYPED_TEST(AttendStages, mask_based_gradients_equal_the_formulas) {
  testing::check("gradients equal the formulas", [] {
    const Case c = some_case(100, *rc::gen::arbitrary<bool>());
    StageRun how = some_run();
    how.backward = Backward::mask;
    require(equals_the_oracle<TypeParam>(c, c.values == Values::hot_key, how));
  });
  // Rows of the mask that end where a step of the scan ends.
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 256,
                                                .key_tokens = 50,
                                                .dim = 8,
                                                .value_dim = 8,
                                                .options = {.block_size = 2, .levels = 1, .top_k = {2}}},
                                           false, {.stream = {}, .backward = Backward::mask}));
  for (const std::int64_t dim : {64, 128, 192, 256})
    EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 70,
                                                  .key_tokens = 50,
                                                  .dim = dim,
                                                  .value_dim = dim - 8,
                                                  .options = {.block_size = 16, .levels = 1, .top_k = {2}}},
                                             false, {.stream = {}, .backward = Backward::mask}))
        << dim;
  // More queries of a key than the kernel gathers at a time.
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 2100,
                                                .key_tokens = 7,
                                                .dim = 8,
                                                .value_dim = 8,
                                                .options = {.block_size = 2, .levels = 1, .top_k = {2}}},
                                           true, {.stream = {}, .backward = Backward::mask}));
}

#if !defined(LLSA_SIMT)  // too many fibers
TEST_F(AttendTest, takes_more_heads_than_a_grid_has_rows) {
  const Case c{.heads = 66000,
               .query_tokens = 1,
               .key_tokens = 2,
               .dim = 8,
               .value_dim = 8,
               .options = {.block_size = 2, .levels = 0},
               .seed = 1};
  const Problem<float> problem(c);
  const StageOutputs outputs = StageAttention<float>(problem, Selection(c.heads, problem.options), {}).forward({});
  const compare::Problem<double> exact = problem.exact();
  const auto expected = reference::naive_forward(exact.inputs(), Selection(c.heads, problem.options), problem.options);
  EXPECT_TRUE(close("output", outputs.output, expected.output, 1e-4, 1));
}
#endif

}  // namespace
}  // namespace llsa::cuda
