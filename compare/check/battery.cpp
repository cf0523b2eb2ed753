#include "compare/check/battery.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <span>

#include "backends/backends.hpp"
#include "compare/problem_cases.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::check {
namespace {

/// The naive oracle takes about a microsecond for a key of a query.
bool is_small(const Problem<double>& p) {
  const ResolvedOptions o = p.resolved();
  double keys = o.levels == 0 ? static_cast<double>(o.key.tokens()) : static_cast<double>(o.key.length(o.levels));
  for (int l = 1; l <= o.levels; ++l)
    keys += static_cast<double>(std::min(o.k(l), o.key.length(l))) * static_cast<double>(o.block_size);
  keys = std::min(keys, 2.0 * static_cast<double>(o.key.tokens()));
  return static_cast<double>(p.query.shape().tokens * p.head_count()) * keys *
             (4 + static_cast<double>(p.query.shape().dim) / 8) <
         4e6;
}

template <class T>
bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return std::ranges::equal(std::as_bytes(a.flat()), std::as_bytes(b.flat()));
}

/// The tensors of two outcomes that are not bit for bit the same, by name.
template <class T>
std::vector<std::string> differing(const Outcome<T>& a, const Outcome<T>& b) {
  std::vector<std::string> names;
  const auto check = [&](const char* name, const auto& x, const auto& y) {
    if (!same_bits(x, y)) names.push_back(fmt::format("{} differs", name));
  };
  check("o", a.output, b.output);
  check("lse", a.lse, b.lse);
  check("dq", a.query_gradient, b.query_gradient);
  check("dk", a.key_gradient, b.key_gradient);
  check("dv", a.value_gradient, b.value_gradient);
  for (int l = 1; l <= a.selection.levels(); ++l)
    if (a.selection.level(l).indices != b.selection.level(l).indices)
      names.push_back(fmt::format("indices_{} differ", l));
  return names;
}

/// A tensor as the second half of a batch of twice the size.
template <class T>
Tensor<T> behind_itself(const Tensor<T>& tensor) {
  if (tensor.flat().empty()) return {};
  Shape shape = tensor.shape();
  shape.batch *= 2;
  Tensor<T> result(shape, static_cast<T>(0.5f));
  std::copy(tensor.flat().begin(), tensor.flat().end(), result.data() + tensor.flat().size());
  return result;
}
template <class T>
Tensor<T> second_half(const Tensor<T>& tensor) {
  if (tensor.flat().empty()) return {};
  Shape shape = tensor.shape();
  shape.batch /= 2;
  Tensor<T> result(shape);
  std::copy(tensor.flat().end() - shape.size(), tensor.flat().end(), result.data());
  return result;
}

template <class T>
class Battery {
 public:
  Battery(const BatteryOptions& options, const MakeAttention<T>& make)
      : options_(options), make_(make), threads_(options.threads), attention_(make_(threads_)) {
    threads_.set_stop_token(options.stop);
    report_.backend = options.backend;
    report_.precision = dtype_of<T>();
    report_.seed = options.seed;
  }

  BatteryReport run() {
    if (options_.given != nullptr) {
      run_given();
    } else {
      const std::vector<BatteryCase> cases = battery_cases(options_.seed, options_.quick);
      total_ = static_cast<std::int64_t>(cases.size());
      for (const BatteryCase& spec : cases) run_case(spec.name, [&] { return make_problem(spec, dtype_of<T>()); });
      BatteryCase spec{.name = "",
                       .query = {1, 2, 330, 16},
                       .key = {1, 2, 330, 16},
                       .value_dim = 16,
                       .options = {.block_size = 4, .levels = 2, .top_k = {3, 2}},
                       .seed = options_.seed + 77};
      run_invariants(make_problem(spec, dtype_of<T>()));
      if constexpr (!std::is_same_v<T, double>) run_beside_dense();
    }
    begin("negative controls");
    for (BatteryLine& line : run_controls<T>(options_.seed, threads_)) report_.lines.push_back(std::move(line));
    return std::move(report_);
  }

 private:
  void begin(std::string_view name) {
    if (options_.stop.stop_requested()) throw Cancelled();
    options_.on_line(name, total_);
  }

  template <class Make>
  void run_case(const std::string& name, Make make) {
    begin(name);
    guarded(name, [&] {
      // An implementation sees rounded inputs; so must what it is held against.
      const Problem<double> problem = as_stored<T>(make());
      const Outcome<T> outcome = run_attention<T>(*attention_, converted<T>(problem));
      return judge_outcome(name, problem, outcome, is_small(problem), threads_);
    });
  }

  /// A case that throws has failed; the others go on.
  template <class Judge>
  void guarded(const std::string& name, Judge judge) {
    BatteryLine line;
    try {
      line = judge();
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      line.findings.push_back(error.what());
    }
    line.name = name;
    report_.lines.push_back(std::move(line));
  }

  void run_beside_dense() {
    const BatteryCase spec{.name = "errors are near those of dense attention",
                           .query = {1, 2, 230, 32},
                           .key = {1, 2, 230, 32},
                           .value_dim = 32,
                           .options = {.levels = 2, .top_k = {3}},
                           .seed = options_.seed + 78};
    begin(spec.name);
    guarded(spec.name, [&] { return judge_beside_dense<T>(*attention_, spec, threads_); });
  }

  void run_given() {
    Problem<double> problem = *options_.given;
    add_random_gradients(problem, options_.seed);
    total_ = 6;
    const auto with = [&](const std::string& name, auto change) {
      run_case(name, [&] {
        Problem<double> changed = problem;
        change(changed.options);
        return changed;
      });
    };
    with("given tensors", [](Options&) {});
    if (!options_.quick) {
      with("given tensors, the other coverage", [](Options& o) {
        o.coverage = o.coverage == Coverage::disjoint ? Coverage::overlapping : Coverage::disjoint;
      });
      with("given tensors, the other reweighting", [](Options& o) { o.reweight = !o.reweight; });
      with("given tensors, no enrichment", [](Options& o) { o.enrichment_levels = 0; });
    }
    run_invariants(problem);
  }

  void run_invariants(const Problem<double>& in_double) {
    const Problem<T> problem = converted<T>(in_double);
    const auto same = [&](const std::string& name, auto other) {
      begin(name);
      guarded(name, [&] {
        BatteryLine line{.oracle = "bits"};
        line.findings = differing(run_attention<T>(*attention_, problem), other());
        line.passed = line.findings.empty();
        return line;
      });
    };
    same("a second run gives the same bits", [&] { return run_attention<T>(*attention_, problem); });
    same("one thread and three give the same bits", [&] {
      ThreadPool one(1), three(3);
      const auto a = run_attention<T>(*make_(one), problem);
      const auto b = run_attention<T>(*make_(three), problem);
      if (const auto names = differing(a, b); !names.empty())
        throw Error(names.front() + " between one thread and three");
      return a;
    });
    same("another place in the batch gives the same bits", [&] {
      const Problem<T> both{behind_itself(problem.query),        behind_itself(problem.key),
                            behind_itself(problem.value),        behind_itself(problem.output_gradient),
                            behind_itself(problem.lse_gradient), problem.options};
      Outcome<T> outcome = run_attention<T>(*attention_, both);
      Outcome<T> half{second_half(outcome.output),
                      second_half(outcome.lse),
                      second_half(outcome.query_gradient),
                      second_half(outcome.key_gradient),
                      second_half(outcome.value_gradient),
                      outcome.options,
                      outcome.selection};
      for (int l = 1; l <= half.selection.levels(); ++l) {
        std::vector<std::int32_t>& indices = half.selection.level(l).indices;
        indices.erase(indices.begin(), indices.begin() + static_cast<std::ptrdiff_t>(indices.size() / 2));
      }
      return half;
    });
  }

  BatteryOptions options_;
  MakeAttention<T> make_;
  ThreadPool threads_;
  std::unique_ptr<Attention<T>> attention_;
  std::int64_t total_ = 0;
  BatteryReport report_;
};

}  // namespace

bool BatteryReport::passed() const {
  return !lines.empty() && std::all_of(lines.begin(), lines.end(), [](const BatteryLine& line) { return line.passed; });
}

template <class T>
BatteryReport run_battery(const BatteryOptions& options) {
  return run_battery<T>(options, [&](ThreadPool& threads) { return make_attention<T>(options.backend, threads); });
}

template <class T>
BatteryReport run_battery(const BatteryOptions& options, const MakeAttention<T>& make) {
  return Battery<T>(options, make).run();
}

#define LLSA_INSTANTIATE(T)                                     \
  template BatteryReport run_battery<T>(const BatteryOptions&); \
  template BatteryReport run_battery<T>(const BatteryOptions&, const MakeAttention<T>&);
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
#undef LLSA_INSTANTIATE

}  // namespace llsa::compare::check
