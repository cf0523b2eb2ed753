// attend, attend_backward and the mask-based baseline against the formulas in double. Compiled for the executor and, with
// the label gpu, for the device.
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
using testing::ExactInputs;
using testing::Magnitudes;
using testing::Problem;
using testing::require;
using testing::Values;
using testing::Verdict;

constexpr double infinity = std::numeric_limits<double>::infinity();

std::int64_t heads_of(const Case& c) { return c.batch * c.heads; }

/// Coarse keys are rounded to the storage type, and scores are no better than they.
template <class T>
double lse_tolerance() {
  const auto tolerance = testing::tolerance_of(dtype_of<T>());
  return std::is_same_v<T, float> ? tolerance.lse : tolerance.output;
}

/// Outputs and gradients of the stages against the oracle's.
template <class T>
Verdict equals_the_oracle(const Problem<T>& problem, const Selection& selection, const StageRun& how = {}) {
  const ExactInputs exact(problem);
  const Magnitudes magnitudes(exact, problem.options);
  const auto tolerance = testing::tolerance_of(dtype_of<T>());
  const StageAttention<T> stages(problem, selection, how.stream);

  const StageOutputs outputs = stages.forward(how);
  const auto expected = reference::naive_forward(exact.inputs(), selection, problem.options);
  const double condition = magnitudes.condition();
  Verdict verdict = close("lse", outputs.lse, expected.lse, lse_tolerance<T>() * condition, magnitudes.lse);
  if (verdict)
    verdict = close("output", outputs.output, expected.output, tolerance.output * condition, magnitudes.output);
  if (!verdict) return verdict;

  const StageGradients gradients = stages.backward(how);
  auto output_gradients = exact.output_gradients();
  if (!how.with_lse_gradient) output_gradients.lse = {};
  const auto wanted = reference::naive_backward(exact.inputs(), selection, problem.options, output_gradients);
  const double allowed = tolerance.gradient * condition;
  verdict = close("dV", gradients.value, wanted.value, allowed, magnitudes.value_gradient);
  if (verdict) verdict = close("dQ", gradients.query, wanted.query, allowed, magnitudes.query_gradient);
  if (verdict) verdict = close("dK", gradients.key, wanted.key, allowed, magnitudes.key_gradient);
  return verdict;
}

template <class T>
Verdict equals_the_oracle(const Case& c, bool same_for_all_queries = false, const StageRun& how = {}) {
  const Selection selection = testing::random_selection(c.resolved(), heads_of(c), c.seed + 1, same_for_all_queries);
  return equals_the_oracle(Problem<T>(c), selection, how) << c;
}

/// Any valid case whose dimensions the kernels take; with `tensor` one that the tensor-core kernels take.
Case some_case(std::int64_t tokens, bool tensor = false) {
  Case c = *testing::cases({.tokens = tokens, .batch = 2, .heads = 2, .dim = 1});
  c.dim = 8 * *rc::gen::weightedElement<std::int64_t>({{6, 1}, {3, 2}, {2, 3}, {1, 5}, {1, 9}});
  c.value_dim = *rc::gen::arbitrary<bool>() ? c.dim : 8 * *rc::gen::element<std::int64_t>(1, 2, 5);
  if (tensor) {
    c.options.block_size = *rc::gen::weightedElement<std::int64_t>({{4, 16}, {2, 32}, {1, 48}});
    c.dim = c.value_dim = *rc::gen::weightedElement<std::int64_t>({{6, 32}, {1, 64}});
  }
  c.magnitude = std::min(c.magnitude, 4.0);
  return c;
}

StageRun some_run() {
  StageRun how;
#if defined(LLSA_SIMT)
  how.stream.execution = {.os_threads = 1, .order = simt::Order::shuffled, .seed = *rc::gen::inRange<std::uint64_t>(0, 99)};
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

TYPED_TEST(AttendStages, equal_the_formulas_for_any_problem_that_tensor_cores_take) {
  if (!TestFixture::narrow) GTEST_SKIP() << "tensor cores take half and bfloat16";
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
      EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.heads = dim == 32 ? 2 : 1,
                                                    .query_tokens = block == 16 ? 261 : 3 * block + 21,
                                                    .key_tokens = block == 16 ? 549 : 5 * block + 7,
                                                    .dim = dim,
                                                    .value_dim = dim,
                                                    .options = {.block_size = block, .levels = block == 16 ? 2 : 1,
                                                                .top_k = {3}},
                                                    .seed = 7}));
}

TYPED_TEST(AttendStages, take_the_largest_dimensions_and_blocks_larger_than_the_problem) {
  for (const std::int64_t block : {4, 1000000007})
    EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 20, .key_tokens = 37, .dim = 256, .value_dim = 256,
                                                  .options = {.block_size = block, .levels = 2, .top_k = {2}},
                                                  .seed = 3}));
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 20, .key_tokens = 37, .dim = 32, .value_dim = 32,
                                                .options = {.block_size = 1 << 30, .levels = 2, .top_k = {2}}}));
}

TYPED_TEST(AttendStages, are_dense_attention_without_levels) {
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 40, .key_tokens = 150, .dim = 64, .value_dim = 64,
                                                .options = {.block_size = 3, .levels = 0}, .seed = 5}));
}

TYPED_TEST(AttendStages, take_as_many_levels_as_there_can_be) {
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 9, .key_tokens = 5, .dim = 8, .value_dim = 8,
                                                .options = {.block_size = 2, .levels = max_levels, .top_k = {2}}}));
}

/// Keys with lists of 1,100 to 2,100 queries: several parts each, whose places in the workspace lie side by side.
TYPED_TEST(AttendStages, add_up_the_parts_of_hot_keys_lists) {
  for (const std::int64_t block : {16, 6})
    for (const std::int64_t queries : {1100, 2100}) {
      const Case c{.query_tokens = queries, .key_tokens = 5 * block + 3, .dim = block == 6 ? 8 : 32,
                   .value_dim = block == 6 ? 16 : 32, .options = {.block_size = block, .levels = 2, .top_k = {3, 2}},
                   .seed = 9};
      // Where lists differ, places are found among parents with long, short and no lists.
      EXPECT_TRUE(equals_the_oracle<TypeParam>(c, queries == 2100));
    }
}

TYPED_TEST(AttendStages, let_a_non_finite_number_reach_those_that_attend_to_it_only) {
  testing::check("non-finite results are where the formulas put them", [] {
    const bool tensor = TestFixture::narrow && *rc::gen::arbitrary<bool>();
    Case c = some_case(100, tensor);
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
      case 0: plant(problem.query.view()); break;
      case 1: plant(problem.key.view()); break;
      case 2: plant(problem.value.view()); break;
      case 3: plant(problem.output_gradient.view()); break;
    }
    require(equals_the_oracle(problem, testing::random_selection(problem.options, heads_of(c), c.seed)));
  });
}

template <class T>
void expect_same(const StageOutputs& a, const StageOutputs& b, const StageGradients& ga, const StageGradients& gb) {
  EXPECT_TRUE(testing::same("lse", a.lse.cview(), b.lse.cview()));
  EXPECT_TRUE(testing::same("output", a.output.cview(), b.output.cview()));
  EXPECT_TRUE(testing::same("dQ", ga.query.cview(), gb.query.cview()));
  EXPECT_TRUE(testing::same("dK", ga.key.cview(), gb.key.cview()));
  EXPECT_TRUE(testing::same("dV", ga.value.cview(), gb.value.cview()));
}

/// With long lists, several levels and ragged tails: for block size 16 on tensor cores, for 5 by fused multiply-add.
Case a_case_with_everything(std::int64_t block) {
  return {.query_tokens = 1111, .key_tokens = 95, .dim = 32, .value_dim = 32,
          .options = {.block_size = block, .levels = 2, .top_k = {2}}, .seed = 21};
}

TYPED_TEST(AttendStages, give_the_same_bits_whatever_the_memory_held_and_in_whatever_order_they_run) {
  for (const std::int64_t block : {16, 5}) {
    const Problem<TypeParam> problem(a_case_with_everything(block));
    const Selection selection = testing::random_selection(problem.options, 1, 4, true);
    const StageAttention<TypeParam> stages(problem, selection, {});
    const StageRun first{};
    const StageOutputs outputs = stages.forward(first);
    const StageGradients gradients = stages.backward(first);
    std::vector<StageRun> others(2);
    others[1].garbage = 0;
#if defined(LLSA_SIMT)
    others[0].stream.execution = {.os_threads = 2, .order = simt::Order::descending};
    others[1].stream.execution = {.os_threads = 1, .order = simt::Order::shuffled, .seed = 3};
#endif
    for (const StageRun& other : others) {
      const StageOutputs again = stages.forward(other);
      expect_same<TypeParam>(outputs, again, gradients, stages.backward(other));
    }
  }
}

TYPED_TEST(AttendStages, give_the_same_bits_in_every_place_of_a_batch) {
  for (const std::int64_t block : {16, 5}) {
    Case c = a_case_with_everything(block);
    const Problem<TypeParam> one(c);
    const Selection alone = testing::random_selection(one.options, 1, 4, true);
    c.batch = 2;
    c.heads = 2;
    Problem<TypeParam> many(c);
    Selection repeated(4, many.options);
    const auto repeat = [&](auto from, auto to) {
      testing::for_each_index(to.shape, [&](auto b, auto h, auto t, auto d) { to(b, h, t, d) = from(0, 0, t, d); });
    };
    // Other heads' numbers stay random; heads 0 and 3 repeat the problem.
    for (const std::int64_t head : {0, 3}) {
      const auto one_head = [&](auto view) {
        view.data = view.head(head).data;
        view.shape.batch = view.shape.heads = 1;
        return view;
      };
      repeat(one.query.view(), one_head(many.query.view()));
      repeat(one.key.view(), one_head(many.key.view()));
      repeat(one.value.view(), one_head(many.value.view()));
      repeat(one.output_gradient.view(), one_head(many.output_gradient.view()));
      repeat(one.lse_gradient.view(), one_head(many.lse_gradient.view()));
    }
    const Selection others = testing::random_selection(many.options, 4, 5);
    for (int l = 1; l <= alone.levels(); ++l)
      for (std::int64_t head = 0; head < 4; ++head)
        for (std::int64_t t = 0; t < alone.level(l).queries; ++t)
          std::ranges::copy(head % 3 == 0 ? Selection(alone).level(l).row(0, t) : Selection(others).level(l).row(head, t),
                            repeated.level(l).row(head, t).begin());

    const StageAttention<TypeParam> stages_of_one(one, alone, {}), stages_of_many(many, repeated, {});
    const StageOutputs outputs = stages_of_one.forward({}), all_outputs = stages_of_many.forward({});
    const StageGradients gradients = stages_of_one.backward({}), all_gradients = stages_of_many.backward({});
    const auto expect_in_both_places = [&](const char* what, const Tensor<double>& expected, const Tensor<double>& all) {
      for (const std::int64_t head : {0, 3}) {
        TensorView<const double> view = all.view();
        view.data = view.head(head).data;
        view.shape.batch = view.shape.heads = 1;
        EXPECT_TRUE(testing::same(what, view, expected.cview())) << "head " << head;
      }
    };
    expect_in_both_places("lse", outputs.lse, all_outputs.lse);
    expect_in_both_places("output", outputs.output, all_outputs.output);
    expect_in_both_places("dQ", gradients.query, all_gradients.query);
    expect_in_both_places("dK", gradients.key, all_gradients.key);
    expect_in_both_places("dV", gradients.value, all_gradients.value);
  }
}

/// Error against the formulas in double, relative to the size of the result, both as root mean squares.
double relative_error(const Tensor<double>& actual, const Tensor<double>& expected) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < expected.flat().size(); ++i) {
    error += std::pow(actual.flat()[i] - expected.flat()[i], 2);
    size += std::pow(expected.flat()[i], 2);
  }
  return std::sqrt(error / size);
}

struct RelativeErrors {
  double output, query, key, value;
};
template <class T>
RelativeErrors relative_errors(const Case& c) {
  const Problem<T> problem(c);
  const ExactInputs exact(problem);
  const Selection selection = testing::random_selection(problem.options, heads_of(c), 2);
  const StageAttention<T> stages(problem, selection, {});
  const auto forward = reference::naive_forward(exact.inputs(), selection, problem.options);
  const auto backward =
      reference::naive_backward(exact.inputs(), selection, problem.options, exact.output_gradients());
  const StageOutputs outputs = stages.forward({});
  const StageGradients gradients = stages.backward({});
  return {relative_error(outputs.output, forward.output), relative_error(gradients.query, backward.query),
          relative_error(gradients.key, backward.key), relative_error(gradients.value, backward.value)};
}

TYPED_TEST(AttendStages, are_as_exact_as_dense_attention_of_the_same_precision) {
  for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint}) {
    Case c{.heads = 2, .query_tokens = 256, .key_tokens = 256, .dim = 64, .value_dim = 64,
           .options = {.block_size = 16, .levels = 2, .top_k = {4, 1}, .coverage = coverage}, .seed = 8};
    const RelativeErrors sparse = relative_errors<TypeParam>(c);
    c.options = {.block_size = 16, .levels = 0};
    const RelativeErrors dense = relative_errors<TypeParam>(c);
    EXPECT_LE(sparse.output, 2 * dense.output);
    EXPECT_LE(sparse.query, 3 * dense.query);
    EXPECT_LE(sparse.key, 3 * dense.key);
    EXPECT_LE(sparse.value, 3 * dense.value);
  }
}

TYPED_TEST(AttendStages, mask_based_gradients_equal_the_formulas) {
  testing::check("gradients equal the formulas", [] {
    const Case c = some_case(100, TestFixture::narrow && *rc::gen::arbitrary<bool>());
    StageRun how = some_run();
    how.backward = Backward::mask;
    require(equals_the_oracle<TypeParam>(c, c.values == Values::hot_key, how));
  });
  // More queries of a key than the kernel gathers at a time.
  EXPECT_TRUE(equals_the_oracle<TypeParam>(Case{.query_tokens = 2100, .key_tokens = 7, .dim = 8, .value_dim = 8,
                                                .options = {.block_size = 2, .levels = 1, .top_k = {2}}},
                                           true, {.stream = {}, .backward = Backward::mask}));
}

TYPED_TEST(AttendStages, mask_based_gradients_have_the_bits_of_the_transposed_selection_where_no_list_is_cut) {
  for (const std::int64_t block : {16, 5}) {
    Case c = a_case_with_everything(block);
    c.query_tokens = 150;
    const Problem<TypeParam> problem(c);
    const StageAttention<TypeParam> stages(problem, testing::random_selection(problem.options, 1, 4), {});
    const StageOutputs outputs = stages.forward({});
    expect_same<TypeParam>(outputs, outputs, stages.backward({}), stages.backward({.stream = {}, .backward = Backward::mask}));
  }
}

#if !defined(LLSA_SIMT)  // too many fibers
TEST_F(AttendTest, takes_more_heads_than_a_grid_has_rows) {
  const Case c{.heads = 66000, .query_tokens = 1, .key_tokens = 2, .dim = 8, .value_dim = 8,
               .options = {.block_size = 2, .levels = 0}, .seed = 1};
  const Problem<float> problem(c);
  const StageOutputs outputs = StageAttention<float>(problem, Selection(c.heads, problem.options), {}).forward({});
  const ExactInputs exact(problem);
  const auto expected = reference::naive_forward(exact.inputs(), Selection(c.heads, problem.options), problem.options);
  EXPECT_TRUE(close("output", outputs.output, expected.output, 1e-4, 1));
}
#endif

/// Workspaces grow with the tokens, not with their square, whatever the options; the baseline's does not.
TEST_F(AttendTest, workspace_is_linear_in_the_tokens) {
  const auto bytes = [](std::int64_t tokens, int levels, bool mask) {
    const Shape shape{1, 1, tokens, 64};
    const Levels sizes = make_levels(resolve({.block_size = 16, .levels = levels}, shape, shape, shape), 1);
    return static_cast<double>(mask ? mask_backward_workspace(sizes, 64, 64) : attend_backward_workspace(sizes, 64, 64));
  };
  for (const int levels : {0, 1, 2, 3})
    EXPECT_LE(bytes(1 << 22, levels, false), 17 * bytes(1 << 18, levels, false)) << levels << " levels";
  EXPECT_LE(bytes(1 << 22, 3, false) / (1 << 22), 256);
  EXPECT_GE(bytes(1 << 22, 2, true), 200 * bytes(1 << 18, 2, true));
}

class AttendErrors : public AttendTest {
 protected:
  const Case case_{.query_tokens = 40, .key_tokens = 40, .dim = 8, .value_dim = 16,
                   .options = {.block_size = 4, .levels = 2, .top_k = {2}}};
  std::optional<StageAttention<half>> stages_;

  void SetUp() override {
    AttendTest::SetUp();
    if (IsSkipped()) return;
    const Problem<half> problem(case_);
    stages_.emplace(problem, testing::random_selection(problem.options, 1, 1), Stream{});
  }

  template <class Change>
  void expect_refused(const std::string& message, Change change) {
    AttendParams<half> params = stages_->forward_params();
    change(params);
    testing::expect_error(message, [&] { attend(params, {}); });
  }
};

TEST_F(AttendErrors, name_an_unsupported_dimension) {
  for (const int dim : {0, -8, 12, 264}) {
    const std::string text = std::to_string(dim) + "; multiples of 8 up to 256 are supported";
    expect_refused("attend: the head dimension is " + text, [&](auto& p) { p.problem.head_dim = dim; });
    expect_refused("attend: the value dimension is " + text, [&](auto& p) { p.problem.value_dim = dim; });
  }
}

TEST_F(AttendErrors, name_a_null_or_misaligned_pointer) {
  expect_refused("attend: Q is a null pointer", [](auto& p) { p.problem.d_query = nullptr; });
  expect_refused("attend: the selection is a null pointer", [](auto& p) { p.problem.d_lists = nullptr; });
  expect_refused("attend: LSE is a null pointer", [](auto& p) { p.d_lse = nullptr; });
  expect_refused("attend: the address of V is not a multiple of 16 bytes", [](auto& p) { p.problem.d_value += 4; });
  expect_refused("attend: the address of O is not a multiple of 16 bytes", [](auto& p) { p.d_output += 1; });
  expect_refused("attend: the address of the pyramid of K is not a multiple of 16 bytes",
                 [](auto& p) { p.problem.d_coarse_key += 1; });
}

TEST_F(AttendErrors, refuse_a_scale_that_is_not_finite) {
  expect_refused("attend: the scale is not finite", [](auto& p) { p.problem.scale = NAN; });
}

TEST_F(AttendErrors, name_a_small_workspace_and_missing_gradients) {
  stages_->forward({});
  AttendBackwardParams<half> params = stages_->backward_params();
  const std::size_t needed = attend_backward_workspace(params.problem.levels, 8, 16);
  const Buffer<unsigned char> workspace(needed + 256);
  testing::expect_error("attend_backward: the workspace has " + std::to_string(needed - 1) + " bytes; " +
                            std::to_string(needed) + " are needed",
                        [&] { attend_backward(params, workspace.data(), needed - 1, {}); });
  testing::expect_error("attend_backward: the workspace must start at a multiple of 256 bytes",
                        [&] { attend_backward(params, workspace.data() + 16, needed, {}); });
  params.d_offsets = nullptr;
  testing::expect_error("attend_backward: the offsets of the transposed selection is a null pointer",
                        [&] { attend_backward(params, workspace.data(), needed, {}); });
  params.d_key_gradient = nullptr;
  testing::expect_error("mask_backward: dK is a null pointer",
                        [&] { mask_backward(params, workspace.data(), needed, {}); });
}

}  // namespace
}  // namespace llsa::cuda
