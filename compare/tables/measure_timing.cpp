#include "compare/tables/measure_timing.hpp"

#include <fmt/format.h>

#include "backends/backends.hpp"
#include "compare/key_count.hpp"
#include "compare/profile/problem.hpp"
#include "compare/seconds_of.hpp"
#include "llsa/error.hpp"
#include "llsa/method.hpp"

namespace llsa::compare::tables {
MeasuredTiming measure_timing(const TimingTable& table, const Scale& scale, const std::string& backend, int threads,
                              std::stop_token stop, const std::function<void(const std::string&)>& progress) {
  ThreadPool pool(threads);
  pool.set_stop_token(stop);
  MeasuredTiming measured{.table = table};
  for (const TimingCase& each : table.cases) {
    const Shape shape{1, scale.attention_heads, each.tokens, scale.head_dim};
    const ResolvedOptions options = resolve(method_options(each.method, each.options), shape, shape, shape);
    measured.cases.push_back({each, options, compare::key_count(options).keys(), {}, {}});
  }
  for (std::size_t first = 0, last = 0; first < measured.cases.size(); first = last) {
    const std::int64_t tokens = measured.cases[first].timed.tokens;
    while (last < measured.cases.size() && measured.cases[last].timed.tokens == tokens) ++last;
    compare::profile::ProfileProblem<float> problem({.heads = scale.attention_heads, .head_dim = scale.head_dim},
                                                    tokens);
    for (int repetition = 0; repetition <= scale.repetitions; ++repetition) {
      progress(fmt::format("{}: {} tokens, round {} of {}", table.name, tokens, repetition, scale.repetitions));
      for (std::size_t i = first; i < last; ++i) {
        if (stop.stop_requested()) throw Cancelled();
        TimedCase& made = measured.cases[i];
        const auto attention = make_attention<float>(made.timed.method, backend, pool);
        std::unique_ptr<AttentionState> state;
        const double forward = compare::seconds_of([&] {
          state = attention->forward(problem.inputs(made.timed.method), made.timed.options, problem.outputs());
        });
        const double backward = compare::seconds_of([&] {
          attention->backward(problem.inputs(made.timed.method), problem.outputs(), *state, problem.output_gradients(),
                              problem.gradients(made.timed.method));
        });
        if (repetition == 0) continue;  // to warm up
        made.forward.push_back(forward);
        made.backward.push_back(backward);
      }
    }
  }
  return measured;
}

}  // namespace llsa::compare::tables
