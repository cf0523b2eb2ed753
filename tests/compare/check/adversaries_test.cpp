// How often verify accepts what is wrong, and that it accepts what is right.
#include "compare/check/adversaries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compare/check/corruptions.hpp"
#include "compare/check/other_orders.hpp"
#include "compare/problem_cases.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::check {
namespace {

using ::testing::HasSubstr;

TEST(Adversaries, are_rejected_and_right_results_of_other_orders_accepted) {
  std::int64_t announced = 0;
  const AdversaryReport report = run_adversaries(
      {.seed = 4, .quick = true, .threads = 1, .on_line = [&](std::string_view, std::int64_t n) { announced = n; }});
  EXPECT_EQ(static_cast<std::int64_t>(report.lines.size()), announced);
  std::int64_t right = 0, sure = 0;
  for (const AdversaryLine& line : report.lines) {
    EXPECT_TRUE(line.passed()) << line.kind << " " << line.size;
    right += line.right;
    sure += line.sure;
    for (const AdversaryCount& count : line.with_indices) EXPECT_GT(count.tried, 0) << line.kind;
    for (const AdversaryCount& count : line.without_indices) EXPECT_GT(count.tried, 0) << line.kind;
  }
  EXPECT_EQ(right, 4);
  EXPECT_GT(sure, 12);
  EXPECT_TRUE(report.passed()) << to_text(report);
  EXPECT_THAT(to_text(report), HasSubstr("verdict: right"));
  EXPECT_EQ(nlohmann::json::parse(to_json(report))["lines"].size(), report.lines.size());
}

TEST(Adversaries, fail_when_a_right_one_is_rejected_or_a_sure_one_accepted) {
  AdversaryLine line{.kind = "", .right = true, .with_indices = {{0, 5}}, .without_indices = {{0, 5}}};
  EXPECT_TRUE(line.passed());
  line.without_indices[0].rejected = 1;
  EXPECT_FALSE(line.passed());
  AdversaryReport report{.seed = 1, .lines = {line}};
  EXPECT_FALSE(report.passed());
  EXPECT_THAT(to_text(report), HasSubstr("FAIL"));
  EXPECT_THAT(to_text(report), HasSubstr("verdict: WRONG"));
  line = {.kind = "", .sure = true, .with_indices = {{5, 5}}, .without_indices = {{4, 5}}};
  EXPECT_FALSE(line.passed());
  line.sure = false;
  EXPECT_TRUE(line.passed());
  EXPECT_FALSE(AdversaryReport{}.passed());
}

TEST(Adversaries, stop_when_asked_to) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(run_adversaries({.quick = true, .stop = stop.get_token()}), Cancelled);
}

Problem<double> small_problem() {
  return make_problem({.name = "",
                       .query = {2, 2, 75, 8},
                       .key = {2, 2, 75, 8},
                       .options = {.block_size = 4, .levels = 2, .top_k = {3, 2}},
                       .seed = 3});
}

TEST(Corruptions, each_changes_the_outcome) {
  const Problem<double> problem = small_problem();
  ThreadPool threads(1);
  reference::ReferenceAttention<double> attention(threads);
  const Outcome<double> right = run_attention<double>(attention, problem);
  const PerResult<Tolerance> allowed{
      {.relative_l2 = 0.1}, {.relative_l2 = 0.1}, {.relative_l2 = 0.1}, {.relative_l2 = 0.1}, {.relative_l2 = 0.1}};
  for (const Corruption& kind : corruptions())
    for (const double size : kind.sizes) {
      Outcome<double> outcome = right;
      Victim victim{problem, outcome, allowed, 4, Random(2), threads};
      kind.apply(victim, size);
      const auto same = [](const Tensor<double>& a, const Tensor<double>& b) {
        return std::ranges::equal(a.flat(), b.flat());
      };
      EXPECT_FALSE(same(outcome.output, right.output) && same(outcome.lse, right.lse) &&
                   same(outcome.query_gradient, right.query_gradient) &&
                   same(outcome.key_gradient, right.key_gradient) && same(outcome.value_gradient, right.value_gradient))
          << kind.name;
    }
}

TEST(OtherOrders, compute_the_definition_up_to_rounding) {
  const Problem<double> problem = small_problem();
  ThreadPool threads(1);
  reference::ReferenceAttention<double> attention(threads);
  const Outcome<double> right = run_attention<double>(attention, problem);
  for (const Order order : orders) {
    const Outcome<double> other = compute_in_order(problem, right.selection, DType::f64, order);
    for (Tensor<double> Outcome<double>::*of :
         {&Outcome<double>::output, &Outcome<double>::lse, &Outcome<double>::query_gradient,
          &Outcome<double>::key_gradient, &Outcome<double>::value_gradient})
      EXPECT_LT(compare((other.*of).view(), (right.*of).view()).relative_l2, 1e-13) << name_of(order);
  }
}

}  // namespace
}  // namespace llsa::compare::check
