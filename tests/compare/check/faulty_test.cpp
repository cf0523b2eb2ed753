// Faulty implementations go through the battery: each kind of line rejects something that the others let pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "compare/check/battery.hpp"
#include "compare/problem_cases.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::check {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// What a call wrote, to be spoiled. The gradients are null after `forward`.
struct Written {
  const ResolvedOptions& options;
  ThreadPool& threads;
  int calls;  ///< of this object, this one included
  const AttentionInputs<float>& inputs;
  const AttentionOutputs<float>& outputs;
  const AttentionGradients<float>* gradients;
  Selection* selection;
};
using Spoil = std::function<void(Written)>;

float& at(const TensorView<float>& x, std::int64_t n) { return x.data[n]; }
void shift_last_bit(float& x) { x = std::nextafterf(x, INFINITY); }

/// The reference with a fault.
class Faulty final : public Attention<float> {
 public:
  Faulty(ThreadPool& threads, Spoil spoil) : threads_(threads), right_(threads), spoil_(std::move(spoil)) {}
  std::string name() const override { return "faulty"; }

 protected:
  bool made(const AttentionState& state) const override { return dynamic_cast<const State*>(&state) != nullptr; }
  std::unique_ptr<AttentionState> do_forward(const AttentionInputs<float>& in, const ResolvedOptions& options,
                                             const AttentionOutputs<float>& out, const Selection* given) override {
    ++calls_;
    auto shown = std::make_unique<State>(forward_by(right_, in, options, out, given));
    spoil_({options, threads_, calls_, in, out, nullptr, &shown->lists});
    return shown;
  }
  void do_backward(const AttentionInputs<float>& in, const AttentionOutputs<float>& out, const AttentionState& state,
                   const AttentionOutputGradients<float>& from, const AttentionGradients<float>& to) override {
    backward_by(right_, in, out, *static_cast<const State&>(state).right, from, to);
    spoil_({state.options(), threads_, calls_, in, out, &to, nullptr});
  }

 private:
  struct State final : AttentionState {
    explicit State(std::unique_ptr<AttentionState> of)
        : AttentionState(of->options(), of->shapes()), right(std::move(of)), lists(right->selection()) {}
    const Selection& selection() const override { return lists; }
    std::unique_ptr<AttentionState> right;
    Selection lists;
  };
  ThreadPool& threads_;
  reference::ReferenceAttention<float> right_;
  Spoil spoil_;
  int calls_ = 0;
};

/// The lines that fail, without the controls.
std::vector<std::string> failing(const Spoil& spoil) {
  const BatteryReport report =
      run_battery<float>({.backend = "faulty", .seed = 7, .quick = true, .threads = 1},
                         [&](ThreadPool& threads) { return std::make_unique<Faulty>(threads, spoil); });
  std::vector<std::string> names;
  for (const BatteryLine& line : report.lines) {
    if (!line.passed) names.push_back(line.name);
    EXPECT_EQ(line.passed, line.findings.empty() || line.control) << line.name;
  }
  EXPECT_EQ(report.passed(), names.empty());
  return names;
}

const std::string again = "a second run gives the same bits", threads = "one thread and three give the same bits",
                  place = "another place in the batch gives the same bits",
                  dense = "errors are near those of dense attention";

TEST(FaultyImplementations, none_fails_without_a_fault) {
  EXPECT_THAT(failing([](Written) {}), IsEmpty());
}

TEST(FaultyImplementations, a_result_that_changes_from_run_to_run_fails_the_second_run_whichever_it_is) {
  // A last bit, every second call: nothing but the comparison of bits can see it.
  for (const int quantity : {0, 1, 2, 3, 4}) {
    const auto failed = failing([=](Written w) {
      if (w.calls % 2 == 0 || (quantity >= 2) != (w.gradients != nullptr)) return;
      if (quantity == 0) shift_last_bit(at(w.outputs.output, 5));
      if (quantity == 1) shift_last_bit(at(w.outputs.lse, 5));
      if (quantity == 2) shift_last_bit(at(w.gradients->query, 5));
      if (quantity == 3) shift_last_bit(at(w.gradients->key, 5));
      if (quantity == 4) shift_last_bit(at(w.gradients->value, 5));
    });
    EXPECT_THAT(failed, Contains(again)) << quantity;
    EXPECT_THAT(failed, Not(Contains(threads))) << "each of its objects runs once: " << quantity;
  }
  EXPECT_THAT(failing([](Written w) {
                if (w.calls % 2 == 1 && w.selection != nullptr && w.selection->levels() > 0)
                  std::swap(w.selection->level(1).indices[0], w.selection->level(1).indices[1]);
              }),
              Contains(again));
}

TEST(FaultyImplementations, a_result_that_depends_on_the_threads_fails_their_line) {
  const auto failed = failing([](Written w) {
    if (w.gradients != nullptr && w.threads.threads() == 3) shift_last_bit(at(w.gradients->value, 5));
  });
  EXPECT_THAT(failed, ::testing::ElementsAre(threads));
}

TEST(FaultyImplementations, a_result_that_depends_on_the_place_in_the_batch_fails_its_line) {
  // The last element of a batch of two: the problem itself lies there.
  for (const bool backward : {false, true}) {
    const auto failed = failing([=](Written w) {
      const Shape& s = w.inputs.query.shape;
      if (s.batch != 2 || backward != (w.gradients != nullptr)) return;
      shift_last_bit(backward ? at(w.gradients->value, w.gradients->value.shape.size() - 1)
                              : at(w.outputs.output, w.outputs.output.shape.size() - 1));
    });
    EXPECT_THAT(failed, Contains(place));
    EXPECT_THAT(failed, Not(Contains(again)));
  }
}

/// Overwrites one batch entry and head by another.
void copy_head(const TensorView<float>& x, std::int64_t from, std::int64_t to) {
  const std::int64_t size = x.shape.tokens * x.shape.dim;
  std::copy_n(x.data + from * size, size, x.data + to * size);
}

TEST(FaultyImplementations, the_wrong_batch_entry_fails_the_place_in_the_batch) {
  const auto failed = failing([](Written w) {
    const Shape& s = w.inputs.query.shape;
    if (s.batch == 2 && w.gradients == nullptr) copy_head(w.outputs.output, 0, s.heads);
  });
  EXPECT_THAT(failed, Contains(place)) << "a batch that holds the same problem twice would hide it";
}

TEST(FaultyImplementations, the_wrong_head_fails_every_case) {
  const auto failed = failing([](Written w) {
    if (w.inputs.query.shape.heads > 1 && w.gradients == nullptr) copy_head(w.outputs.output, 0, 1);
  });
  const std::size_t cases = std::ranges::count_if(failed, [](const std::string& name) {
    return name != again && name != threads && name != place && name != dense;
  });
  EXPECT_GE(cases, 9u);
}

TEST(FaultyImplementations, too_few_digits_fail_the_line_beside_dense_attention) {
  // Errors of 2e-6: within every tolerance of fp32, 20 times those of dense attention.
  const auto failed = failing([](Written w) {
    if (w.gradients != nullptr || w.options.levels == 0) return;
    for (std::int64_t n = 0; n < w.outputs.output.shape.size(); ++n)
      at(w.outputs.output, n) *= n % 2 == 0 ? 1 + 2e-6f : 1 - 2e-6f;
  });
  EXPECT_THAT(failed, ::testing::ElementsAre(dense));
}

TEST(FaultyImplementations, a_wrong_gradient_fails_every_case_that_has_one) {
  for (const int quantity : {2, 3, 4}) {
    const auto failed = failing([=](Written w) {
      if (w.gradients == nullptr) return;
      const TensorView<float>& x = quantity == 2   ? w.gradients->query
                                   : quantity == 3 ? w.gradients->key
                                                   : w.gradients->value;
      for (std::int64_t n = 0; n < x.shape.size(); ++n) at(x, n) = 1.01f * at(x, n) + 0.01f;
    });
    EXPECT_GE(failed.size(), 10u) << quantity;
  }
}

TEST(FaultyImplementations, small_problems_are_held_against_the_naive_oracle_and_large_ones_against_the_reference) {
  for (const BatteryLine& line : run_battery<float>({.seed = 7, .quick = true, .threads = 1}).lines)
    if (line.name.starts_with("N = ")) {
      EXPECT_EQ(line.oracle, "naive") << line.name;
    }
  BatteryCase large{.name = "", .query = {1, 1, 2000, 8}, .key = {1, 1, 2000, 8}, .options = {.levels = 0}};
  const Problem<double> given = make_problem(large);
  const BatteryReport report = run_battery<float>({.seed = 7, .quick = true, .threads = 1, .given = &given});
  EXPECT_EQ(report.lines.front().oracle, "reference f64");
}

}  // namespace
}  // namespace llsa::compare::check
