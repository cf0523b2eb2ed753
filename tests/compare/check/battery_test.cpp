// The battery: the reference passes, a broken outcome fails, every negative control is rejected.
#include "compare/check/battery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "../verify/planted.hpp"
#include "backends/backends.hpp"
#include "compare/check/report.hpp"
#include "compare/problem_cases.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::check {
namespace {

using namespace verify;

using ::testing::HasSubstr;

template <class T>
void expect_pass(const std::string& backend, bool quick) {
  const BatteryReport report = run_battery<T>({.backend = backend, .seed = 7, .quick = quick, .threads = 2});
  for (const BatteryLine& line : report.lines) {
    EXPECT_TRUE(line.passed) << line.name << (line.findings.empty() ? "" : ": " + line.findings.front());
  }
  EXPECT_TRUE(report.passed());
  EXPECT_THAT(to_text(report), HasSubstr("verdict: right"));
}
TEST(Battery, the_reference_passes_in_every_precision) {
  expect_pass<double>("reference", true);
  expect_pass<float>("reference", true);
  expect_pass<half>("reference", true);
  expect_pass<bfloat16>("reference", true);
}
TEST(Battery, the_kernels_pass_on_the_cpu_in_every_precision_they_have) {
  if (std::ranges::count(backend_names(), "cuda-on-cpu") == 0) GTEST_SKIP() << "built without the executor";
  expect_pass<float>("cuda-on-cpu", true);
  expect_pass<half>("cuda-on-cpu", true);
  expect_pass<bfloat16>("cuda-on-cpu", true);
  EXPECT_THROW(run_battery<double>({.backend = "cuda-on-cpu"}), Error);
}

TEST(Battery, given_tensors_are_checked_in_every_precision) {
  const Problem<double> given = ragged_problem();
  for (const BatteryReport& report : {run_battery<float>({.given = &given}), run_battery<double>({.given = &given}),
                                      run_battery<half>({.given = &given}), run_battery<bfloat16>({.given = &given})}) {
    EXPECT_TRUE(report.passed());
    EXPECT_EQ(report.lines.front().name, "given tensors");
    EXPECT_EQ(report.lines.front().values.size(), 5u);
  }
}

template <class T>
void expect_controls_rejected() {
  SCOPED_TRACE(name_of(dtype_of<T>()));
  ThreadPool threads(1);
  const auto lines = run_controls<T>(3, threads);
  std::set<std::string> names;
  for (const BatteryLine& line : lines) {
    EXPECT_TRUE(line.passed) << line.name;
    EXPECT_EQ(line.findings.empty(), !line.control) << line.name;
    names.insert(line.name);
  }
  for (const char* name :
       {"control: zeros as output", "control: the mean of V as output", "control: a shuffled selection",
        "control: the output of a shuffled selection", "control: a backward without the weight: dk",
        "control: a backward without the weight: dv", "control: the exact result is accepted"})
    EXPECT_EQ(names.count(name), 1u) << name;
}
TEST(Battery, every_control_is_rejected_and_says_why_in_every_precision) {
  expect_controls_rejected<double>();
  expect_controls_rejected<float>();
  expect_controls_rejected<half>();
  expect_controls_rejected<bfloat16>();
}

/// Computes right and keeps fewer digits of its results than T has room for.
template <class T, class Kept>
struct Coarse final : Attention<T> {
  explicit Coarse(ThreadPool& threads) : right(threads) {}
  std::string name() const override { return "coarse"; }
  bool made(const AttentionState& state) const override { return Attention<T>::made_by(right, state); }
  std::unique_ptr<AttentionState> do_forward(const AttentionInputs<T>& in, const ResolvedOptions& options,
                                             const AttentionOutputs<T>& out, const Selection* given) override {
    auto state = Attention<T>::forward_by(right, in, options, out, given);
    if (options.levels != 0) round(out.output);
    return state;
  }
  void do_backward(const AttentionInputs<T>& in, const AttentionOutputs<T>& out, const AttentionState& state,
                   const AttentionOutputGradients<T>& from, const AttentionGradients<T>& to) override {
    right.backward(in, out, state, from, to);
    if (state.options().levels != 0) round(to.key);
  }
  static void round(const TensorView<T>& x) {
    for (T* at = x.data; at != x.data + x.shape.size(); ++at)
      *at = static_cast<T>(static_cast<float>(static_cast<Kept>(static_cast<float>(*at))));
  }
  reference::ReferenceAttention<T> right;
};

TEST(Battery, errors_far_above_those_of_dense_attention_fail) {
  ThreadPool threads(1);
  const BatteryCase spec{.name = "",
                         .query = {1, 1, 230, 32},
                         .key = {1, 1, 230, 32},
                         .value_dim = 32,
                         .options = {.levels = 2, .top_k = {3}}};
  const auto findings = [&]<class T>(Attention<T>& attention) {
    return judge_beside_dense<T>(attention, spec, threads).findings;
  };
  reference::ReferenceAttention<half> right(threads);
  EXPECT_EQ(findings(right), std::vector<std::string>());
  Coarse<half, bfloat16> as_bfloat16(threads);
  EXPECT_THAT(findings(as_bfloat16), ::testing::ElementsAre(HasSubstr("o: relative L2 error"), HasSubstr("dk: ")));
  Coarse<float, half> as_half(threads);
  // The coarse output takes part in dQ.
  EXPECT_THAT(findings(as_half),
              ::testing::ElementsAre(HasSubstr("o: relative L2 error"), HasSubstr("dq: "), HasSubstr("dk: ")));
}

TEST(Battery, an_accepted_control_fails_the_whole_battery) {
  BatteryReport report = run_battery<float>({.quick = true});
  ASSERT_TRUE(report.passed());
  report.lines.back().passed = false;
  EXPECT_FALSE(report.passed());
  EXPECT_THAT(to_text(report), HasSubstr("verdict: WRONG"));
  EXPECT_FALSE(BatteryReport{}.passed()) << "an empty battery proves nothing";
}

/// Spoils a right outcome and expects that the line fails with these words.
void expect_failure(const std::function<void(Outcome<float>&)>& spoil, const std::string& words) {
  const Problem<double> problem = ragged_problem();
  ThreadPool threads(1);
  reference::ReferenceAttention<float> attention(threads);
  for (const bool small : {true, false}) {
    Outcome<float> outcome = run_attention<float>(attention, converted<float>(problem));
    EXPECT_TRUE(judge_outcome("", problem, outcome, small, threads).passed);
    spoil(outcome);
    const BatteryLine line = judge_outcome("", problem, outcome, small, threads);
    EXPECT_FALSE(line.passed) << words;
    ASSERT_FALSE(line.findings.empty());
    EXPECT_THAT(line.findings.front(), HasSubstr(words));
  }
}

TEST(Battery, judges_every_quantity) {
  expect_failure([](auto& x) { x.output(0, 1, 100, 2) += 0.01f; }, "o: relative L2 error");
  expect_failure([](auto& x) { x.lse(0, 0, 0, 0) += 0.05f; }, "lse: ");
  expect_failure([](auto& x) { x.query_gradient(0, 0, 202, 0) = 1; }, "dq: relative L2 error");
  expect_failure([](auto& x) { x.key_gradient(0, 0, 202, 0) = 1; }, "dk: relative L2 error");
  expect_failure([](auto& x) { x.value_gradient(0, 0, 202, 0) *= -1; }, "dv: relative L2 error");
  expect_failure([](auto& x) { x.value_gradient(0, 0, 202, 0) = NAN; }, "dv: 1 non-finite elements differ");
  expect_failure(
      [](auto& x) {
        auto row = x.selection.level(1).row(0, 9);
        std::swap(row[0], row[2]);
      },
      "selection: 1 lists are not ordered");
}

TEST(Battery, tensors_that_an_implementation_does_not_write_fail) {
  // An implementation that writes nothing: outputs stay as they were poisoned.
  struct Lazy final : Attention<float> {
    struct State final : AttentionState {
      State(const AttentionState& of) : AttentionState(of.options(), of.shapes()), lists(of.selection()) {}
      const Selection& selection() const override { return lists; }
      Selection lists;
    };
    std::string name() const override { return "lazy"; }
    bool made(const AttentionState&) const override { return true; }
    std::unique_ptr<AttentionState> do_forward(const AttentionInputs<float>& in, const ResolvedOptions& options,
                                               const AttentionOutputs<float>& out, const Selection* given) override {
      ThreadPool threads(1);
      reference::ReferenceAttention<float> right(threads);
      Tensor<float> o(out.output.shape), lse(out.lse.shape);
      return std::make_unique<State>(*forward_by(right, in, options, {o.view(), lse.view()}, given));
    }
    void do_backward(const AttentionInputs<float>&, const AttentionOutputs<float>&, const AttentionState&,
                     const AttentionOutputGradients<float>&, const AttentionGradients<float>&) override {}
  } lazy;
  const Problem<double> problem = ragged_problem();
  ThreadPool threads(1);
  const BatteryLine line =
      judge_outcome("", problem, run_attention<float>(lazy, converted<float>(problem)), true, threads);
  EXPECT_FALSE(line.passed);
  EXPECT_EQ(line.findings.size(), 5u);
  for (const std::string& finding : line.findings) EXPECT_THAT(finding, HasSubstr("non-finite elements differ"));
}

TEST(Battery, an_unknown_backend_is_an_error) { EXPECT_THROW(run_battery<float>({.backend = "abacus"}), Error); }

TEST(Battery, stops_when_asked_to) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(run_battery<float>({.quick = true, .stop = stop.get_token()}), Cancelled);
}

TEST(BatteryCases, are_seeded_and_cover_the_awkward_sizes) {
  const auto a = battery_cases(1, false), b = battery_cases(1, false), c = battery_cases(2, false);
  std::set<std::int64_t> sizes;
  std::set<std::string> names;
  for (const BatteryCase& spec : a) sizes.insert(spec.query.tokens), names.insert(spec.name);
  EXPECT_EQ(names.size(), a.size()) << "names are distinct";
  for (const std::int64_t n : {1, 2, 15, 16, 17, 63, 64, 65, 1021, 65536}) EXPECT_EQ(sizes.count(n), 1u) << n;
  EXPECT_TRUE(std::ranges::equal(make_problem(a[5]).query.flat(), make_problem(b[5]).query.flat()));
  EXPECT_FALSE(std::ranges::equal(make_problem(a[5]).query.flat(), make_problem(c[5]).query.flat()));
  EXPECT_LT(battery_cases(1, true).size(), 15u);
  const BatteryCase huge{.name = "", .query = {1, 1, 50, 8}, .key = {1, 1, 50, 8}, .content = Content::huge};
  const Problem<double> problem = make_problem(huge, DType::f16);
  for (const double x : problem.value.flat())
    EXPECT_TRUE(std::isfinite(rounded_to(DType::f16, x))) << "in the range of its type";
}

TEST(BatteryReport, json_holds_every_line) {
  const BatteryReport report = run_battery<float>({.quick = true});
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["verdict"], "right");
  EXPECT_EQ(json["lines"].size(), report.lines.size());
  EXPECT_EQ(json["failed"], 0);
  EXPECT_LT(json["lines"][1]["values"]["dk"]["relative_l2"].get<double>(), 1e-5);
}

TEST(BatteryCases, have_the_magnitudes_that_their_contents_promise_in_each_storage_type) {
  const auto size_of = [](const Tensor<double>& tensor) {
    double squares = 0;
    for (const double x : tensor.flat()) squares += x * x;
    return std::sqrt(squares / static_cast<double>(tensor.flat().size()));
  };
  struct Promise {
    Content content;
    DType storage;
    double query, key, value, output_gradient;
  };
  for (const Promise& promise :
       {Promise{Content::huge, DType::f32, 1e-12, 1e12, 1e15, 1e-6},
        Promise{Content::huge, DType::f16, 1e-2, 1e2, 1e3, 1e-2},
        Promise{Content::tiny, DType::f32, 1e12, 1e-12, 1e-12, 1e-12},
        Promise{Content::tiny, DType::f16, 1e2, 1e-2, 0.1, 0.1}, Promise{Content::normal, DType::f16, 1, 1, 1, 1}}) {
    const BatteryCase spec{
        .name = "", .query = {1, 2, 100, 8}, .key = {1, 2, 100, 8}, .content = promise.content, .seed = 3};
    const Problem<double> problem = make_problem(spec, promise.storage);
    EXPECT_NEAR(size_of(problem.query) / promise.query, 1, 0.1);
    EXPECT_NEAR(size_of(problem.key) / promise.key, 1, 0.1);
    EXPECT_NEAR(size_of(problem.value) / promise.value, 1, 0.1);
    EXPECT_NEAR(size_of(problem.output_gradient) / promise.output_gradient, 1, 0.1);
  }
}

TEST(Battery, refuses_a_selection_that_is_none_of_the_problems) {
  const Problem<double> problem = ragged_problem();
  ThreadPool threads(1);
  reference::ReferenceAttention<float> attention(threads);
  Outcome<float> outcome = run_attention<float>(attention, converted<float>(problem));
  outcome.selection.level(1).row(0, 0)[0] = static_cast<std::int32_t>(outcome.options.key.length(1));
  try {
    judge_outcome("", problem, outcome, true, threads);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is not a candidate"));
  }
}

TEST(BatteryCases, with_awkward_contents_have_two_levels) {
  for (const BatteryCase& spec : battery_cases(1, false))
    if (spec.content != Content::normal) {
      EXPECT_EQ(spec.options.levels, 2) << spec.name;
    }
}

TEST(BatteryCases, are_what_their_names_say) {
  const auto cases = battery_cases(1, false);
  const auto named = [&](const std::string& name) {
    const auto found = std::ranges::find(cases, name, &BatteryCase::name);
    if (found == cases.end()) throw Error("the battery has no case '" + name + "'");
    return *found;
  };
  EXPECT_EQ(named("disjoint coverage").options.coverage, Coverage::disjoint);
  EXPECT_FALSE(named("no reweighting").options.reweight);
  EXPECT_EQ(named("dense (L = 0)").options.levels, 0);
  EXPECT_EQ(named("disjoint, one of two levels enriched").options.coverage, Coverage::disjoint);
  EXPECT_EQ(named("disjoint, one of two levels enriched").options.enrichment_levels, 1);
  EXPECT_EQ(named("no enrichment").options.enrichment_levels, 0);
  EXPECT_EQ(named("one of two levels enriched").options.enrichment_levels, 1);
  EXPECT_EQ(named("L = 1").options.levels, 1);
  EXPECT_EQ(named("L = 3").options.top_k, (std::vector<std::int64_t>{3, 2, 1}));
  EXPECT_EQ(named("more levels than the tokens need (L = 6)").options.levels, 6);
  EXPECT_GT(named("K above every number of candidates").options.top_k.front(), 103);
  EXPECT_EQ(named("B = 3").options.block_size, 3);
  EXPECT_GT(named("B above N").options.block_size, 103);
  EXPECT_EQ(named("scale = -0.7").options.scale, -0.7);
  EXPECT_EQ(named("scale = 0").options.scale, 0);
  EXPECT_LT(named("Nq < Nk").query.tokens, named("Nq < Nk").key.tokens);
  EXPECT_GT(named("Nq > Nk").query.tokens, named("Nq > Nk").key.tokens);
  EXPECT_GT(named("Dv > D").value_dim, named("Dv > D").key.dim);
  EXPECT_EQ(named("D = 1, Dv = 1").query.dim + named("D = 1, Dv = 1").key.dim + named("D = 1, Dv = 1").value_dim, 3);
  EXPECT_FALSE(named("no gradient of LSE").lse_gradient);
  const BatteryCase batch = named("batch 2, heads 3"), shared = named("6 query heads share 2 key heads, batch 2");
  EXPECT_EQ(batch.query.batch * 10 + batch.query.heads, 23);
  EXPECT_EQ(batch.key.batch * 10 + batch.key.heads, 23);
  EXPECT_EQ(shared.query.batch * 10 + shared.query.heads, 26);
  EXPECT_EQ(shared.key.batch * 10 + shared.key.heads, 22);
  EXPECT_EQ(named("scores spread 16").spread, 16);
  EXPECT_EQ(named("huge values").content, Content::huge);
  EXPECT_EQ(named("N = 65536, D = 64, disjoint").options.coverage, Coverage::disjoint);
  EXPECT_EQ(named("N = 65536, D = 64, disjoint").spread, 4);
}

}  // namespace
}  // namespace llsa::compare::check
