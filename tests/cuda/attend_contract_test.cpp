// What attend, attend_backward and the mask-based baseline promise besides their values: the same bits, linear
// workspaces, errors in one line. Compiled for the executor and, with the label gpu, for the device.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <memory>
#include <optional>

#include "cuda/device.hpp"
#include "cuda/device_attention.hpp"
#include "cuda/stage_attention.hpp"
#include "support/check.hpp"

namespace llsa::cuda {
namespace {

using testing::Case;
using testing::Problem;

class AttendTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_unavailable()) GTEST_SKIP() << *why;
  }
};

template <class T>
class AttendBits : public AttendTest {};
using StorageTypes = ::testing::Types<float, half, bfloat16>;
TYPED_TEST_SUITE(AttendBits, StorageTypes);

template <class T>
void expect_same(const StageOutputs& a, const StageOutputs& b, const StageGradients& ga, const StageGradients& gb) {
  EXPECT_TRUE(testing::same("lse", a.lse.cview(), b.lse.cview()));
  EXPECT_TRUE(testing::same("output", a.output.cview(), b.output.cview()));
  EXPECT_TRUE(testing::same("dQ", ga.query.cview(), gb.query.cview()));
  EXPECT_TRUE(testing::same("dK", ga.key.cview(), gb.key.cview()));
  EXPECT_TRUE(testing::same("dV", ga.value.cview(), gb.value.cview()));
}

/// With long lists, several levels and ragged tails.
Case a_case_with_everything(std::int64_t block) {
  return {.query_tokens = 1111,
          .key_tokens = 95,
          .dim = 32,
          .value_dim = 32,
          .options = {.block_size = block, .levels = 2, .top_k = {2}},
          .seed = 21};
}

TYPED_TEST(AttendBits, give_the_same_bits_whatever_the_memory_held_and_in_whatever_order_they_run) {
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

#if defined(LLSA_SIMT)
/// What a block may have on compute capability 8.6, 8.9 and 12.0; on 8.0; on 9.0.
constexpr std::size_t shared_limits[] = {99 * 1024, 163 * 1024, 227 * 1024};

/// Every padded dimension and tile of keys: the tiles that fit differ, the order of every sum does not.
TYPED_TEST(AttendBits, fit_the_shared_memory_of_every_target_and_give_the_same_bits_on_each) {
  for (const std::int64_t dim : {32, 64, 72, 128, 192, 256})
    for (const std::int64_t block : {4, 16, 32, 64}) {
      if (block != 16 && dim != 64 && dim < 192) continue;
      // As many queries as the widest tiles have.
      const Problem<TypeParam> problem(Case{.query_tokens = dim <= 64 ? 140 : 75,
                                            .key_tokens = 3 * block + 5,
                                            .dim = dim,
                                            .value_dim = dim,
                                            .options = {.block_size = block, .levels = 2, .top_k = {2}},
                                            .seed = 23});
      const StageAttention<TypeParam> stages(problem, testing::random_selection(problem.options, 1, 4), {});
      const auto run = [&](std::size_t limit, Backward backward) {
        const StageRun how{.stream = {{.os_threads = 2, .shared_limit = limit}}, .backward = backward};
        StageOutputs outputs = stages.forward(how);
        return std::pair{std::move(outputs), stages.backward(how)};
      };
      for (const Backward backward : {Backward::transposed, Backward::mask}) {
        const auto expected = run(shared_limits[2], backward);
        for (const std::size_t limit : shared_limits) {
          if (backward == Backward::mask && limit != shared_limits[0]) continue;
          const auto again = run(limit, backward);
          expect_same<TypeParam>(expected.first, again.first, expected.second, again.second);
        }
      }
    }
}

TYPED_TEST(AttendBits, say_so_where_nothing_fits) {
  const Problem<TypeParam> problem(a_case_with_everything(16));
  const StageAttention<TypeParam> stages(problem, testing::random_selection(problem.options, 1, 4), {});
  try {
    stages.forward({.stream = {{.shared_limit = 4096}}});
    ADD_FAILURE() << "the launch was accepted";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("kernel attend needs ")) << text;
    EXPECT_TRUE(text.ends_with(" bytes of shared memory for a block; this device has 4096")) << text;
  }
}
#endif

TYPED_TEST(AttendBits, give_the_same_bits_in_every_place_of_a_batch) {
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
          std::ranges::copy(
              head % 3 == 0 ? Selection(alone).level(l).row(0, t) : Selection(others).level(l).row(head, t),
              repeated.level(l).row(head, t).begin());

    const StageAttention<TypeParam> stages_of_one(one, alone, {}), stages_of_many(many, repeated, {});
    const StageOutputs outputs = stages_of_one.forward({}), all_outputs = stages_of_many.forward({});
    const StageGradients gradients = stages_of_one.backward({}), all_gradients = stages_of_many.backward({});
    const auto expect_in_both_places = [&](const char* what, const Tensor<double>& expected,
                                           const Tensor<double>& all) {
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

#if defined(LLSA_SIMT)  // a device has no memory that costs nothing until it is touched
/// Zeros that take memory only where they are written; null when the system does not lend so much.
template <class T>
std::shared_ptr<T> untouched(std::int64_t count) {
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return {static_cast<T*>(memory), [bytes](T* at) { munmap(at, bytes); }};
}

/// One query whose block holds the last keys of 2^25 + 100, elements 2^31 to 2^31 + 6400 of K and V.
TYPED_TEST(AttendBits, reach_keys_and_values_beyond_two_to_the_31_elements) {
  using T = TypeParam;
  const std::int64_t dim = 64, tokens = (std::int64_t{1} << 25) + 100;
  const Shape query{1, 1, 1, dim}, key{1, 1, tokens, dim};
  const Options options{.block_size = 256, .levels = 3, .top_k = {1}, .enrichment_levels = 0};
  AttendProblem<T> problem = make_problem<T>(resolve(options, query, key, key), query, key);
  const auto d_key = untouched<T>(tokens * dim), d_value = untouched<T>(tokens * dim);
  if (!d_key || !d_value) GTEST_SKIP() << "the system lends no " << tokens * dim << " elements";
  // Scores are 0 but for one key, whose score is 8 * 4 / 8 = 4; only its value is not 0.
  std::vector<T> one(static_cast<std::size_t>(dim), T(0.0f));
  one[5] = T(8.0f);
  d_key.get()[(tokens - 1) * dim + 5] = T(4.0f);
  d_value.get()[(tokens - 1) * dim + 9] = T(2.0f);
  const Buffer<T> d_query = upload(std::span<const T>(one), {}), d_output(one.size());
  const Buffer<float> d_lse(1);
  std::vector<std::int32_t> lists(static_cast<std::size_t>(problem.levels.list_entries), 0);
  lists[static_cast<std::size_t>(problem.levels.level[1].list)] = static_cast<std::int32_t>(tokens / 256);
  const Buffer<std::int32_t> d_lists = upload(std::span<const std::int32_t>(lists), {});
  problem.d_query = d_query.data(), problem.d_key = d_key.get(), problem.d_value = d_value.get();
  problem.d_coarse_key = d_query.data(), problem.d_coarse_value = d_query.data();  // asked for, and not read
  problem.d_lists = d_lists.data();
  attend<T>({problem, d_output.data(), d_lse.data()}, {});
  const double sum = 99 + std::exp(4.0);
  EXPECT_NEAR(download(d_lse, {})[0], std::log(sum), 1e-5);
  EXPECT_NEAR(static_cast<float>(download(d_output, {})[9]), 2 * std::exp(4.0) / sum, 5e-3);
}
#endif

TYPED_TEST(AttendBits, mask_based_gradients_have_the_bits_of_the_transposed_selection_where_no_list_is_cut) {
  for (const std::int64_t block : {16, 5}) {
    // Half types have kernels for blocks of 16 that add in another order than the baseline's.
    if (sizeof(TypeParam) == 2 && block == 16) continue;
    Case c = a_case_with_everything(block);
    c.query_tokens = 150;
    const Problem<TypeParam> problem(c);
    const StageAttention<TypeParam> stages(problem, testing::random_selection(problem.options, 1, 4), {});
    const StageOutputs outputs = stages.forward({});
    expect_same<TypeParam>(outputs, outputs, stages.backward({}),
                           stages.backward({.stream = {}, .backward = Backward::mask}));
  }
}

/// Workspaces grow with the tokens, not with their square, whatever the options; the baseline's does not.
TEST_F(AttendTest, workspace_is_linear_in_the_tokens) {
  const auto bytes = [](std::int64_t tokens, int levels, bool mask) {
    const Shape shape{1, 1, tokens, 64};
    const Levels sizes = make_levels(resolve({.block_size = 16, .levels = levels}, shape, shape, shape), 1);
    return static_cast<double>(mask ? mask_backward_workspace(sizes, 64, 64)
                                    : attend_backward_workspace(sizes, 64, 64));
  };
  for (const int levels : {0, 1, 2, 3})
    EXPECT_LE(bytes(1 << 22, levels, false), 17 * bytes(1 << 18, levels, false)) << levels << " levels";
  EXPECT_LE(bytes(1 << 22, 3, false) / (1 << 22), 256);
  EXPECT_GE(bytes(1 << 22, 2, true), 200 * bytes(1 << 18, 2, true));
}

class AttendErrors : public AttendTest {
 protected:
  const Case case_{.query_tokens = 40,
                   .key_tokens = 40,
                   .dim = 8,
                   .value_dim = 16,
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
