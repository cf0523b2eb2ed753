#include "compare/check/adversaries.hpp"

#include <algorithm>

#include "compare/allowance.hpp"
#include "compare/check/corruptions.hpp"
#include "compare/check/other_orders.hpp"
#include "compare/problem_cases.hpp"
#include "compare/storage.hpp"
#include "compare/verify/verify.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::check {
namespace {

constexpr std::size_t precisions = std::size(adversary_precisions);

std::vector<BatteryCase> problems(std::uint64_t seed, bool quick) {
  const auto make = [&](std::int64_t tokens, std::int64_t dim, Options options, std::uint64_t n) {
    return BatteryCase{.name = "",
                       .query = {2, 2, tokens, dim},
                       .key = {2, 2, tokens, dim},
                       .value_dim = dim,
                       .options = std::move(options),
                       .seed = seed + 1000 * n};
  };
  std::vector<BatteryCase> all{make(75, 8, {.block_size = 4, .levels = 2, .top_k = {3, 2}}, 0)};
  if (quick) return all;
  all.push_back(make(331, 32, {.block_size = 16, .levels = 1, .top_k = {4}}, 1));
  all.push_back(make(203, 16, {.block_size = 8, .levels = 1, .top_k = {3}, .coverage = Coverage::disjoint}, 2));
  return all;
}

/// One problem in one precision, with its right outcome.
struct Scene {
  DType storage = DType::f32;
  Problem<double> problem;
  Outcome<double> right;
  Allowances allowed{};
};

class Adversaries {
 public:
  explicit Adversaries(const AdversaryOptions& options) : options_(options), threads_(options.threads) {
    threads_.set_stop_token(options.stop);
  }

  AdversaryReport run() {
    for (const BatteryCase& spec : problems(options_.seed, options_.quick))
      for (const DType storage : adversary_precisions) scenes_.push_back(scene(spec, storage));
    const std::vector<Corruption> kinds = corruptions();
    std::int64_t total = static_cast<std::int64_t>(std::size(orders));
    for (const Corruption& kind : kinds) total += static_cast<std::int64_t>(kind.sizes.size());
    const auto begin = [&](const std::string& kind) -> AdversaryLine& {
      if (options_.stop.stop_requested()) throw Cancelled();
      options_.on_line(kind, total);
      report_.lines.push_back({.kind = kind,
                               .with_indices = std::vector<AdversaryCount>(precisions),
                               .without_indices = std::vector<AdversaryCount>(precisions)});
      return report_.lines.back();
    };
    for (const Order order : orders) {
      AdversaryLine& line = begin("right: " + std::string(name_of(order)));
      line.right = true;
      for (const Scene& scene : scenes_)
        judge(line, scene, compute_in_order(scene.problem, scene.right.selection, scene.storage, order));
    }
    for (const Corruption& kind : kinds)
      for (const double size : kind.sizes) {
        AdversaryLine& line = begin(kind.name);
        line.size = size;
        line.sure = size >= kind.sure_from;
        for (std::size_t n = 0; n < scenes_.size(); ++n)
          for (int target = 0; target < 5; ++target) spoil(line, kind, size, target, n);
      }
    report_.seed = options_.seed;
    return std::move(report_);
  }

 private:
  Scene scene(const BatteryCase& spec, DType storage) {
    return with_storage(storage, [&]<class T>(std::type_identity<T>) {
      Scene s{storage, as_stored<T>(make_problem(spec, storage)), {}, {}};
      reference::ReferenceAttention<double> exact(threads_);
      s.right = run_attention<double>(exact, s.problem);
      reference::ReferenceAttention<T> stored(threads_);
      s.allowed = storage == DType::f32 || storage == DType::f64
                      ? table_allowances(s.problem, storage, Strictness::product)
                      : derived_allowances(s.problem, storage, dense_errors<T>(stored, s.problem, false, threads_));
      return s;
    });
  }

  void spoil(AdversaryLine& line, const Corruption& kind, double size, int target, std::size_t n) {
    const Scene& scene = scenes_[n];
    Outcome<double> outcome = scene.right;
    Victim victim{scene.problem,
                  outcome,
                  scene.allowed,
                  target,
                  Random(options_.seed + 7919 * report_.lines.size() + 31 * n + static_cast<std::size_t>(target)),
                  threads_};
    kind.apply(victim, size);
    judge(line, scene, outcome);
  }

  void judge(AdversaryLine& line, const Scene& scene, const Outcome<double>& outcome) {
    const auto precision = static_cast<std::size_t>(std::ranges::find(adversary_precisions, scene.storage) -
                                                    std::begin(adversary_precisions));
    verify::Theirs theirs;
    const auto add = [&](const char* name, const Tensor<double>& tensor, DType stored) {
      verify::TheirTensor given{tensor, stored};
      for (double& x : given.values.flat()) x = rounded_to(stored, x);
      theirs.tensors[name] = std::move(given);
    };
    add("o", outcome.output, scene.storage);
    add("lse", outcome.lse, scene.storage == DType::f64 ? DType::f64 : DType::f32);
    add("dq", outcome.query_gradient, scene.storage);
    add("dk", outcome.key_gradient, scene.storage);
    add("dv", outcome.value_gradient, scene.storage);
    const verify::VerifyOptions options{.tolerance = {}, .inputs = scene.storage, .diagnose = false};
    for (const bool indices : {false, true}) {
      if (indices)
        for (int l = 1; l <= outcome.selection.levels(); ++l) theirs.indices[l] = outcome.selection.level(l);
      AdversaryCount& count = (indices ? line.with_indices : line.without_indices)[precision];
      ++count.tried;
      count.rejected += !verify::verify(scene.problem, theirs, options, threads_).right();
    }
  }

  const AdversaryOptions& options_;
  ThreadPool threads_;
  std::vector<Scene> scenes_;
  AdversaryReport report_;
};

}  // namespace

bool AdversaryLine::passed() const {
  const auto all = [](const std::vector<AdversaryCount>& counts, auto test) {
    return std::ranges::all_of(counts, test);
  };
  const auto accepted = [](const AdversaryCount& c) { return c.rejected == 0; };
  const auto rejected = [](const AdversaryCount& c) { return c.rejected == c.tried; };
  if (right) return all(with_indices, accepted) && all(without_indices, accepted);
  return !sure || (all(with_indices, rejected) && all(without_indices, rejected));
}

bool AdversaryReport::passed() const {
  return !lines.empty() && std::ranges::all_of(lines, [](const AdversaryLine& line) { return line.passed(); });
}

AdversaryReport run_adversaries(const AdversaryOptions& options) { return Adversaries(options).run(); }

}  // namespace llsa::compare::check
