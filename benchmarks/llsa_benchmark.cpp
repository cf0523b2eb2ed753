// llsa-benchmark: the reference's stages and passes at 4,096, 65,536 and 1,048,576 tokens, dense attention at the first
// two. Names are those of `llsa-compare profile`: <backend>/<method>/<pass>/<stage>/<tokens>. One head of dimension 64,
// fp32, default options; LLSA_BENCHMARK_THREADS sets the number of threads (default: every core).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "backends/backends.hpp"
#include "compare/keys_per_query.hpp"
#include "compare/profile/problem.hpp"
#include "llsa/error.hpp"
#include "reference/attend.hpp"
#include "reference/attend_backward.hpp"
#include "reference/select.hpp"
#include "reference/transpose.hpp"

namespace {

using namespace llsa;

/// What the stages of one size work on: inputs, and what earlier stages leave for later ones.
class Bench {
 public:
  Bench(std::int64_t tokens, bool dense, ThreadPool& threads)
      : tokens_(tokens),
        threads_(threads),
        problem_(compare::profile::ProfileRequest{}, tokens),
        attention_(make_attention<float>("reference", threads)) {
    if (dense) options_ = {.levels = 0, .top_k = {1}};
    forward();
    if (dense) return;
    pool();
    select();
  }

  const ResolvedOptions& resolved() const { return state_->options(); }
  double keys_per_query() const { return compare::keys_per_query(state_->selection(), resolved(), 1); }

  void forward() { state_ = attention_->forward(problem_.inputs(), options_, problem_.outputs()); }
  void backward() {
    attention_->backward(problem_.inputs(), problem_.outputs(), *state_, problem_.output_gradients(),
                         problem_.gradients());
  }
  void pool() {
    query_ = reference::pool(problem_.inputs().query, resolved().query, threads_);
    key_ = reference::pool(problem_.inputs().key, resolved().key, threads_);
    value_ = reference::pool(problem_.inputs().value, resolved().key, threads_);
  }
  void select() { selection_ = reference::select(query_, key_, resolved(), threads_); }
  void attend() {
    const auto outputs = problem_.outputs();
    reference::attend<float>({stage_problem(), outputs.output, outputs.lse}, threads_);
  }
  void transpose() {
    for (int level = 1; level <= selection_.levels(); ++level)
      benchmark::DoNotOptimize(reference::transpose(selection_.level(level), resolved().key.length(level), threads_));
  }
  void attend_backward() {
    const auto outputs = problem_.outputs();
    const auto output_gradients = problem_.output_gradients();
    const auto gradients = problem_.gradients();
    reference::attend_backward<float>({.problem = stage_problem(),
                                       .output = outputs.output,
                                       .lse = outputs.lse,
                                       .output_gradient = output_gradients.output,
                                       .lse_gradient = output_gradients.lse,
                                       .query_gradient = gradients.query,
                                       .key_gradient = gradients.key,
                                       .value_gradient = gradients.value},
                                      threads_);
  }
  std::int64_t tokens() const { return tokens_; }

 private:
  reference::AttendProblem<float> stage_problem() {
    const AttentionInputs<float> inputs = problem_.inputs();
    return {inputs.query, inputs.key, inputs.value, key_, value_, selection_, resolved()};
  }

  std::int64_t tokens_;
  ThreadPool& threads_;
  compare::profile::ProfileProblem<float> problem_;
  std::unique_ptr<Attention<float>> attention_;
  Options options_;
  std::unique_ptr<AttentionState> state_;
  reference::Pyramid<float> query_, key_, value_;
  Selection selection_;
};

/// One problem at a time is kept: the largest takes gigabytes.
Bench& bench_of(std::int64_t tokens, bool dense, ThreadPool& threads) {
  static std::unique_ptr<Bench> kept;
  static bool kept_dense = false;
  if (!kept || kept->tokens() != tokens || kept_dense != dense) {
    kept.reset();
    kept = std::make_unique<Bench>(tokens, dense, threads);
    kept_dense = dense;
  }
  return *kept;
}

void add(const char* method, const char* pass, const char* stage, std::int64_t tokens, void (Bench::*work)(),
         ThreadPool& threads) {
  const bool dense = std::strcmp(method, "dense") == 0;
  const std::string name = fmt::format("reference/{}/{}/{}/{}", method, pass, stage, tokens);
  const auto run = [=, &threads](benchmark::State& state) {
    Bench& bench = bench_of(tokens, dense, threads);
    for ([[maybe_unused]] auto iteration : state) (bench.*work)();
    state.counters["tokens_per_second"] =
        benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["keys_per_query"] = dense ? static_cast<double>(tokens) : bench.keys_per_query();
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond);
}

void add_all(ThreadPool& threads) {
  for (const std::int64_t tokens : {4096, 65536, 1048576}) {
    add("llsa", "forward", "pool", tokens, &Bench::pool, threads);
    add("llsa", "forward", "select", tokens, &Bench::select, threads);
    add("llsa", "forward", "attend", tokens, &Bench::attend, threads);
    add("llsa", "forward", "total", tokens, &Bench::forward, threads);
    add("llsa", "backward", "transpose", tokens, &Bench::transpose, threads);
    add("llsa", "backward", "attend_backward", tokens, &Bench::attend_backward, threads);
    add("llsa", "backward", "total", tokens, &Bench::backward, threads);
    if (tokens > 65536) continue;
    add("dense", "forward", "total", tokens, &Bench::forward, threads);
    add("dense", "backward", "total", tokens, &Bench::backward, threads);
  }
}

int threads_wanted() {
  const char* text = std::getenv("LLSA_BENCHMARK_THREADS");
  if (text == nullptr) return 0;
  int threads = -1;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), threads);
  if (error != std::errc{} || *end != '\0')
    throw Error(std::string("LLSA_BENCHMARK_THREADS is '") + text + "'; it must be a number from 0 to 1024");
  return threads;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ThreadPool threads(threads_wanted());
    add_all(threads);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("llsa_threads", std::to_string(threads.threads()));
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "llsa-benchmark: {}\n", error.what());
    return 2;
  }
}
