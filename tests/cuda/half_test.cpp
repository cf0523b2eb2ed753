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

double relative_error(const Tensor<double>& actual, const Tensor<double>& expected) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < expected.flat().size(); ++i) {
    difference += std::pow(actual.flat()[i] - expected.flat()[i], 2);
    size += std::pow(expected.flat()[i], 2);
  }
  return std::sqrt(difference / size);
}

struct Errors {
  double output, query, key, value;
};

/// Against the oracle on the run's own selection.
template <class T>
Errors errors_of(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_both(attention, problem);
  const ExactInputs exact(problem);
  const auto outputs = reference::naive_forward(exact.inputs(), run.selection(), problem.options);
  const auto gradients =
      reference::naive_backward(exact.inputs(), run.selection(), problem.options, exact.output_gradients());
  return {relative_error(run.exact_output(), outputs.output),
          relative_error(converted<double>(run.query_gradient.cview()), gradients.query),
          relative_error(converted<double>(run.key_gradient.cview()), gradients.key),
          relative_error(converted<double>(run.value_gradient.cview()), gradients.value)};
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
    const Errors sparse = errors_of(*this->attention_, c), full = errors_of(*this->attention_, dense);
    const double least = dtype_of<TypeParam>() == DType::f16 ? 0x1p-12 : 0x1p-9;  // half a last place
    EXPECT_TRUE(sparse.output <= 2 * std::max(full.output, least))
        << dim << ": " << sparse.output << ", " << full.output;
    EXPECT_TRUE(sparse.query <= 3 * std::max(full.query, least)) << dim << ": " << sparse.query << ", " << full.query;
    EXPECT_TRUE(sparse.key <= 3 * std::max(full.key, least)) << dim << ": " << sparse.key << ", " << full.key;
    EXPECT_TRUE(sparse.value <= 3 * std::max(full.value, least)) << dim << ": " << sparse.value << ", " << full.value;
    EXPECT_GT(full.output, 0) << "a comparison with nothing";
  }
}

/// The exact pyramid that selection scores are judged with.
std::vector<Tensor<double>> pooled(const Tensor<double>& x, const Hierarchy& hierarchy) {
  static ThreadPool threads(1);
  return reference::pool(x.cview(), hierarchy, threads).coarse;
}

TYPED_TEST(CudaHalf, outputs_and_gradients_match_the_oracle_and_selections_are_the_best) {
  cuda::testing::check_all("matches the oracle", 12, [&] {
    Case c = *cases({.tokens = 60, .batch = 2, .heads = 2, .dim = 12});
    if (c.values == Values::hot_key) c.values = Values::normal;
    const Problem<TypeParam> problem(c);
    AttentionRun<TypeParam> run = run_both(*this->attention_, problem);
    const ExactInputs exact(problem);
    const Magnitudes magnitudes(exact, problem.options);
    const double gap = 1e-5 * (1 + magnitudes.score / std::max(1e-30, std::abs(problem.options.scale)));
    require(is_best(run.selection(), pooled(exact.query, problem.options.query), pooled(exact.key, problem.options.key),
                    problem.options, gap));
    const Tolerance tolerance = tolerance_of(dtype_of<TypeParam>());
    const auto outputs = reference::naive_forward(exact.inputs(), run.selection(), problem.options);
    // Coarse keys are stored in two bytes, so scores, and with them the LSE, are as exact as that.
    require(close("lse", run.exact_lse(), outputs.lse, tolerance.output * magnitudes.condition(), magnitudes.lse));
    require(close("output", run.exact_output(), outputs.output, tolerance.output * magnitudes.condition(),
                  magnitudes.output));
    require(gradients_match(run, exact, problem.options));
  });
}

TYPED_TEST(CudaHalf, a_second_run_gives_the_same_bits) {
  const Case c = typical(5, 64, 16);
  EXPECT_TRUE(same_results<TypeParam>(*this->attention_, *this->attention_, c));
}

}  // namespace
}  // namespace llsa::testing
