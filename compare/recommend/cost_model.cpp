#include "compare/recommend/cost_model.hpp"

#include <algorithm>
#include <limits>

#include "backends/backends.hpp"
#include "compare/key_count.hpp"
#include "compare/profile/problem.hpp"
#include "compare/seconds_of.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::recommend {
namespace {

constexpr std::int64_t sparse_tokens = 8192, dense_tokens = 2048;
constexpr int runs = 3;

double work_of(const ResolvedOptions& options) {
  const compare::KeyCount count = compare::key_count(options);
  return count.keys() + count.scored / 2;
}

struct Times {
  double forward = std::numeric_limits<double>::infinity(), backward = forward;
};

/// Of the fastest run: what disturbs a run only adds.
Times time(Attention<float>& attention, const Options& options, compare::profile::ProfileProblem<float>& problem) {
  Times best;
  for (int run = 0; run <= runs; ++run) {
    std::unique_ptr<AttentionState> state;
    const double forward =
        compare::seconds_of([&] { state = attention.forward(problem.inputs(), options, problem.outputs()); });
    const double backward = compare::seconds_of([&] {
      attention.backward(problem.inputs(), problem.outputs(), *state, problem.output_gradients(), problem.gradients());
    });
    if (run == 0) continue;  // to warm up
    best.forward = std::min(best.forward, forward);
    best.backward = std::min(best.backward, backward);
  }
  return best;
}

/// The line through two points (work, seconds), a token's share. Never negative.
PassCost line(double tokens, double few, double few_seconds, double many, double many_seconds) {
  PassCost cost;
  cost.key = std::max(many_seconds - few_seconds, 0.05 * many_seconds) / (tokens * (many - few));
  cost.token = std::max(few_seconds / tokens - cost.key * few, 0.0);
  return cost;
}

}  // namespace

double CostModel::seconds(const ResolvedOptions& options, PassCost BlockCost::*pass) const {
  const std::int64_t block_size = options.levels == 0 ? 0 : options.block_size;
  const auto at = std::ranges::find(costs_, block_size, &BlockCost::block_size);
  if (at == costs_.end()) throw Error("no time was calibrated for block size " + std::to_string(block_size));
  const PassCost& cost = (*at).*pass;
  return static_cast<double>(options.query.tokens()) * (cost.token + cost.key * work_of(options));
}

double CostModel::forward_seconds(const ResolvedOptions& options) const {
  return seconds(options, &BlockCost::forward);
}
double CostModel::backward_seconds(const ResolvedOptions& options) const {
  return seconds(options, &BlockCost::backward);
}

CostModel calibrate(const std::vector<std::int64_t>& block_sizes, std::int64_t head_dim, const std::string& backend,
                    ThreadPool& threads) {
  const auto attention = make_attention<float>(backend, threads);
  std::vector<BlockCost> costs;
  const auto problem_of = [&](std::int64_t tokens) {
    return compare::profile::ProfileProblem<float>({.heads = 1, .head_dim = head_dim}, tokens);
  };
  {
    auto problem = problem_of(dense_tokens);
    const Times times = time(*attention, {.levels = 0}, problem);
    const double pairs = static_cast<double>(dense_tokens) * static_cast<double>(dense_tokens);
    costs.push_back({0, {0, times.forward / pairs}, {0, times.backward / pairs}});
  }
  auto problem = problem_of(sparse_tokens);
  const Shape shape{1, 1, sparse_tokens, head_dim};
  for (const std::int64_t block_size : block_sizes) {
    const Options few{.block_size = block_size, .levels = 2, .top_k = {4}};
    const Options many{.block_size = block_size, .levels = 2, .top_k = {24}};
    const Times a = time(*attention, few, problem), b = time(*attention, many, problem);
    const double few_work = work_of(resolve(few, shape, shape, shape));
    const double many_work = work_of(resolve(many, shape, shape, shape));
    constexpr auto tokens = static_cast<double>(sparse_tokens);
    costs.push_back({block_size, line(tokens, few_work, a.forward, many_work, b.forward),
                     line(tokens, few_work, a.backward, many_work, b.backward)});
  }
  return CostModel(std::move(costs));
}

}  // namespace llsa::compare::recommend
