// Negative controls: results that are wrong in ways that a careless comparator lets pass.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "compare/check/battery.hpp"
#include "compare/problem_cases.hpp"
#include "compare/verify/gradient_parts.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::check {
namespace {

template <class T>
void set_zero(Tensor<T>& tensor) {
  std::fill(tensor.flat().begin(), tensor.flat().end(), T{});
}

/// Half types do no arithmetic themselves.
template <class T, class Change>
void change(T& value, Change to) {
  value = static_cast<T>(to(static_cast<Accumulate<T>>(value)));
}

/// Every query gets the mean of V of its head.
template <class T>
void set_mean_of_values(Outcome<T>& outcome, const Tensor<double>& value) {
  const Shape& shape = outcome.output.shape();
  for (std::int64_t head = 0; head < shape.batch * shape.heads; ++head) {
    const auto v = value.view().head(outcome.options.key_head(head));
    const auto o = outcome.output.view().head(head);
    for (std::int64_t d = 0; d < v.dim; ++d) {
      double sum = 0;
      for (std::int64_t j = 0; j < v.tokens; ++j) sum += v(j, d);
      for (std::int64_t i = 0; i < o.tokens; ++i) o(i, d) = static_cast<T>(sum / static_cast<double>(v.tokens));
    }
  }
}

/// Level 1 selects candidates in another order than their scores: well-formed, but not the best.
void shuffle_selection(Selection& selection, const ResolvedOptions& options) {
  std::vector<std::int32_t> allowed;
  LevelSelection& lists = selection.level(1);
  for (std::int64_t head = 0; head < lists.heads; ++head)
    for (std::int64_t t = 0; t < lists.queries; ++t) {
      candidates(selection, options, 1, head, t, allowed);
      const std::size_t size = lists.list(head, t).size();
      for (std::size_t n = 0; n < size; ++n)
        lists.row(head, t)[n] = allowed[(static_cast<std::size_t>(7 * t + head) + 3 * n) % allowed.size()];
      auto row = lists.row(head, t).first(size);
      std::sort(row.begin(), row.end());
      if (std::adjacent_find(row.begin(), row.end()) != row.end())
        for (std::size_t n = 0; n < size; ++n) row[n] = allowed[n];
    }
}

/// The gradient of `name` summed from parts that are divided by the count that is their keys' weight.
template <class T>
Tensor<T> without_weight(const std::vector<verify::Part>& parts, const Shape& shape) {
  Tensor<double> sum(shape);
  for (const verify::Part& part : parts)
    for (std::size_t n = 0; n < part.values.size(); ++n) sum.flat()[n] += part.values[n] / part.count;
  return converted<T>(sum);
}

}  // namespace

template <class T>
std::vector<BatteryLine> run_controls(std::uint64_t seed, ThreadPool& threads) {
  const BatteryCase spec{.name = "control",
                         .query = {1, 2, 203, 8},
                         .key = {1, 2, 203, 8},
                         .options = {.block_size = 4, .levels = 2, .top_k = {3, 2}},
                         .seed = seed + 5};
  const Problem<double> problem = as_stored<T>(make_problem(spec, dtype_of<T>()));
  reference::ReferenceAttention<double> attention(threads);
  const Outcome<double> exact = run_attention<double>(attention, problem);
  const verify::KeyValueParts parts = verify::key_value_parts(problem, exact, false, threads);
  const Outcome<T> right{converted<T>(exact.output),
                         converted<Accumulate<T>>(exact.lse),
                         converted<T>(exact.query_gradient),
                         converted<T>(exact.key_gradient),
                         converted<T>(exact.value_gradient),
                         exact.options,
                         exact.selection};

  std::vector<BatteryLine> lines;
  /// `quantity` is what must be rejected; the rest of the outcome stays right.
  const auto control = [&](const std::string& name, const std::string& quantity,
                           const std::function<void(Outcome<T>&)>& spoil) {
    Outcome<T> outcome = right;
    spoil(outcome);
    BatteryLine line = judge_outcome("control: " + name, problem, outcome, true, threads);
    line.control = true;
    std::erase_if(line.findings, [&](const std::string& f) { return f.rfind(quantity + ":", 0) != 0; });
    line.passed = !line.findings.empty();
    if (!line.passed) line.findings = {quantity + " was accepted although it is wrong"};
    lines.push_back(std::move(line));
  };
  control("zeros as output", "o", [](Outcome<T>& x) { set_zero(x.output); });
  control("the mean of V as output", "o", [&](Outcome<T>& x) { set_mean_of_values(x, problem.value); });
  control("one output row never written (NaN)", "o",
          [](Outcome<T>& x) { x.output(0, 1, 202, 3) = static_cast<T>(NAN); });
  const double off = std::max(0.01, 3 * tolerance_of(dtype_of<T>()).element);
  control(fmt::format("one output element off by {}", off), "o",
          [&](Outcome<T>& x) { change(x.output(0, 0, 50, 1), [&](auto y) { return (1 + off) * y + 0.3 * off; }); });
  control("LSE in base 2", "lse", [](Outcome<T>& x) {
    for (auto& y : x.lse.flat()) y /= std::log(Accumulate<T>(2));
  });
  control("a shuffled selection", "selection", [](Outcome<T>& x) { shuffle_selection(x.selection, x.options); });
  control("the output of a shuffled selection", "o", [&](Outcome<T>& x) {
    Selection shuffled = exact.selection;
    shuffle_selection(shuffled, exact.options);
    x.output = converted<T>(run_attention<double>(attention, problem, &shuffled).output);
  });
  control("zeros as dq", "dq", [](Outcome<T>& x) { set_zero(x.query_gradient); });
  control("zeros as dk", "dk", [](Outcome<T>& x) { set_zero(x.key_gradient); });
  control("zeros as dv", "dv", [](Outcome<T>& x) { set_zero(x.value_gradient); });
  control("a backward without the weight: dk", "dk",
          [&](Outcome<T>& x) { x.key_gradient = without_weight<T>(parts.key, problem.key.shape()); });
  control("a backward without the weight: dv", "dv",
          [&](Outcome<T>& x) { x.value_gradient = without_weight<T>(parts.value, problem.value.shape()); });
  control("dq with the wrong sign", "dq", [](Outcome<T>& x) {
    for (T& y : x.query_gradient.flat()) change(y, std::negate<>{});
  });

  // The judge must accept what is right, or rejecting proves nothing.
  BatteryLine line = judge_outcome("control: the exact result is accepted", problem, right, true, threads);
  lines.push_back(std::move(line));
  return lines;
}

template std::vector<BatteryLine> run_controls<half>(std::uint64_t, ThreadPool&);
template std::vector<BatteryLine> run_controls<bfloat16>(std::uint64_t, ThreadPool&);
template std::vector<BatteryLine> run_controls<float>(std::uint64_t, ThreadPool&);
template std::vector<BatteryLine> run_controls<double>(std::uint64_t, ThreadPool&);

}  // namespace llsa::compare::check
