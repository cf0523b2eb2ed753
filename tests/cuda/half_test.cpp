// Storage in two bytes: what the property tests, which are for float, do not cover. On the executor and, with the label
// gpu, on the device.
#include <cmath>

#include "cuda/check_all.hpp"
#include "cuda/device.hpp"
#include "cuda/host_attention.hpp"
#include "reference/pool.hpp"
#include "support/check.hpp"
#include "support/problem.hpp"
#include "support/properties/properties.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

template <class T>
class CudaHalf : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = cuda::why_unavailable()) GTEST_SKIP() << *why;
    attention_ = cuda::make_host_attention<T>("cuda", {});
  }
  std::unique_ptr<Attention<T>> attention_;
};
using StorageTypes = ::testing::Types<half, bfloat16>;
TYPED_TEST_SUITE(CudaHalf, StorageTypes);

/// Against the oracle on the run's own selection.
template <class T>
compare::PerResult<compare::Comparison> errors_of(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_both(attention, problem);
  const compare::Problem<double> exact = problem.exact();
  return compare::compare_results(run.results(), oracle_results(exact, run.selection()), compare::magnitudes_of(exact));
}

Case typical(std::uint64_t seed, std::int64_t dim, std::int64_t block_size) {
  Case c;
  c.heads = 2;
  c.query_tokens = c.key_tokens = 230;
  c.dim = c.value_dim = dim;
  c.options = {.block_size = block_size, .levels = 2, .top_k = {3}};
  c.seed = seed;
  return c;
}

TYPED_TEST(CudaHalf, errors_are_at_most_twice_and_gradient_errors_three_times_those_of_dense_attention) {
  for (const std::int64_t dim : {32, 64, 72, 128}) {
    const std::int64_t block_size = dim == 72 ? 5 : 16;
    const Case c = typical(static_cast<std::uint64_t>(dim), dim, block_size);
    Case dense = c;
    dense.options = {.levels = 0};
    const auto sparse = errors_of(*this->attention_, c), full = errors_of(*this->attention_, dense);
    const double least = dtype_of<TypeParam>() == DType::f16 ? 0x1p-12 : 0x1p-9;  // half a last place
    const auto expect = [&](const char* what, const compare::Comparison& error, const compare::Comparison& of_dense,
                            double factor) {
      EXPECT_TRUE(error.relative_l2 <= factor * std::max(of_dense.relative_l2, least))
          << what << " at dimension " << dim << ": " << error.relative_l2 << ", dense " << of_dense.relative_l2;
      EXPECT_GT(of_dense.relative_l2, 0) << "a comparison with nothing";
    };
    expect("O", sparse.output, full.output, 2);
    expect("dQ", sparse.query_gradient, full.query_gradient, 3);
    expect("dK", sparse.key_gradient, full.key_gradient, 3);
    expect("dV", sparse.value_gradient, full.value_gradient, 3);
  }
}

/// The exact pyramid that selection scores are judged with.
std::vector<Tensor<double>> pooled(const Tensor<double>& x, const Hierarchy& hierarchy) {
  static ThreadPool threads(1);
  return reference::pool(x.cview(), hierarchy, threads).coarse;
}

TYPED_TEST(CudaHalf, results_err_little_more_than_dense_attention_and_selections_are_the_best) {
  cuda::testing::check_all("matches the oracle", 12, [&] {
    Case c = *cases({.tokens = 60, .batch = 2, .heads = 2, .dim = 12});
    if (c.values == Values::hot_key) c.values = Values::normal;
    const Problem<TypeParam> problem(c);
    const AttentionRun<TypeParam> run = run_forward(*this->attention_, problem);
    const compare::Problem<double> exact = problem.exact();
    const double gap = 1e-5 * (1 + compare::largest_row(exact.query) * compare::largest_row(exact.key));
    require(is_best(run.selection(), pooled(exact.query, problem.options.query), pooled(exact.key, problem.options.key),
                    problem.options, gap));
    require(errs_little_more_than_dense_attention<TypeParam>(*this->attention_, c));
  });
}

TYPED_TEST(CudaHalf, lists_of_forty_blocks_match_the_oracle_and_lost_ones_are_seen) {
  Case c = typical(6, 32, 16);
  c.heads = 1;
  c.query_tokens = 80;
  c.key_tokens = 715;
  c.options = {.block_size = 16, .levels = 1, .top_k = {40}};
  EXPECT_TRUE(errs_little_more_than_dense_attention<TypeParam>(*this->attention_, c));
  c.options.enrichment_levels = 0;
  EXPECT_TRUE(lost_blocks_and_gradients_are_seen<TypeParam>(*this->attention_, c));
}

TYPED_TEST(CudaHalf, a_second_run_gives_the_same_bits) {
  for (const std::int64_t dim : {32, 64, 128}) {
    Case c = typical(5, dim, 16);
    if (dim != 64) c.heads = 1, c.query_tokens = c.key_tokens = 80;
    EXPECT_TRUE(same_results<TypeParam>(*this->attention_, *this->attention_, c)) << dim;
  }
}

}  // namespace
}  // namespace llsa::testing
