// The compiled PTX in different orders: of blocks, of warps, of warps in the middle of their work, of when asynchronous
// copies land, on different devices. Bits must not depend on any of it; on the order of a tensor core's sums they may,
// by rounding only. The interpreter's checks are on in every run.
#include <gtest/gtest.h>

#include "compare/comparator.hpp"
#include "cuda/host_attention.hpp"
#include "cuda/ptx/settings.hpp"
#include "support/problem.hpp"

namespace llsa::ptx {
namespace {

using llsa::testing::Case;
using llsa::testing::Problem;

/// Puts the settings back.
class PtxOrder : public ::testing::Test {
 protected:
  void TearDown() override { settings() = before_; }
  const Settings before_ = settings();
};

Case tuned(std::uint64_t seed) {
  Case c;
  c.heads = 2;
  c.query_tokens = 150, c.key_tokens = 300;
  c.dim = c.value_dim = 64;
  c.options = {.block_size = 16, .levels = 2, .top_k = {3}};
  c.seed = seed;
  return c;
}
Case odd(std::uint64_t seed) {
  Case c;
  c.query_tokens = 70, c.key_tokens = 90;
  c.dim = 40, c.value_dim = 24;
  c.options = {.block_size = 4, .levels = 3, .top_k = {3, 4, 3}};
  c.seed = seed;
  return c;
}

template <class T>
std::vector<double> results(const Problem<T>& problem) {
  const auto attention = cuda::make_host_attention<T>("cuda", {});
  const auto run = testing::run_both(*attention, problem);
  std::vector<double> values;
  for (const auto* tensor : {&run.output, &run.query_gradient, &run.key_gradient, &run.value_gradient}) {
    const Tensor<double> exact = compare::in_double(tensor->cview());
    values.insert(values.end(), exact.flat().begin(), exact.flat().end());
  }
  const Tensor<double> lse = compare::in_double(run.lse.cview());
  values.insert(values.end(), lse.flat().begin(), lse.flat().end());
  return values;
}

template <class T>
void expect_same_bits() {
  for (const Case& c : {tuned(1), odd(2)}) {
    const Problem<T> problem(c);
    settings() = Settings{.device = device_named("a100")};
    const std::vector<double> expected = results(problem);
    const std::vector<Settings> others = {
        {.device = device_named("a100"), .blocks = Order::descending, .warps = Order::descending},
        {.device = device_named("a100"), .blocks = Order::shuffled, .warps = Order::shuffled, .seed = 3, .quantum = 40},
        {.device = device_named("a100"), .warps = Order::descending, .quantum = 7, .copies = CopyArrival::early},
        {.device = device_named("h100")}};
    for (const Settings& other : others) {
      settings() = other;
      EXPECT_EQ(results(problem), expected) << "setting " << &other - others.data() << ", D = " << c.dim;
    }
  }
}

TEST_F(PtxOrder, changes_no_bit_in_float) { expect_same_bits<float>(); }
TEST_F(PtxOrder, changes_no_bit_in_half) { expect_same_bits<half>(); }
TEST_F(PtxOrder, changes_no_bit_in_bfloat16) { expect_same_bits<bfloat16>(); }

TEST_F(PtxOrder, of_sums_in_a_tensor_core_shows_in_the_last_places_only) {
  const Problem<bfloat16> problem(tuned(3));
  settings() = Settings{.device = device_named("a100")};
  const std::vector<double> expected = results(problem);
  double size = 0;
  for (const double x : expected) size = std::max(size, std::abs(x));
  for (const SumOrder order : {SumOrder::descending, SumOrder::pairs, SumOrder::exact}) {
    settings().sums = order;
    const std::vector<double> actual = results(problem);
    ASSERT_EQ(actual.size(), expected.size());
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::abs(actual[i] - expected[i]));
    EXPECT_GT(worst, 0) << "the order of sums changes nothing: it is not used";
    EXPECT_TRUE(worst <= 0x1p-6 * size) << worst;
  }
}

}  // namespace
}  // namespace llsa::ptx
