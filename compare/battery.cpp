#include "compare/battery.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "backends/backends.hpp"
#include "compare/battery_cases.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"
#include "reference/naive.hpp"

namespace llsa::compare {
namespace {

/// What the outcome is held against, on the selection that the outcome used.
struct Oracle {
  std::vector<Tensor<double>> query_levels, key_levels;
  Tensor<double> output, lse, query_gradient, key_gradient, value_gradient;
};

Oracle naive_oracle(const Problem<double>& p, const ResolvedOptions& o, const Selection& selection) {
  Oracle oracle{
      reference::naive_pool(p.query.view(), o.query), reference::naive_pool(p.key.view(), o.key), {}, {}, {}, {}, {}};
  reference::NaiveOutputs outputs = reference::naive_forward(p.inputs(), selection, o);
  oracle.output = std::move(outputs.output);
  oracle.lse = std::move(outputs.lse);
  if (!p.has_gradient()) return oracle;
  reference::NaiveGradients gradients = reference::naive_backward(p.inputs(), selection, o, p.output_gradients());
  oracle.query_gradient = std::move(gradients.query);
  oracle.key_gradient = std::move(gradients.key);
  oracle.value_gradient = std::move(gradients.value);
  return oracle;
}

Oracle reference_oracle(const Problem<double>& p, const ResolvedOptions& o, const Selection& selection,
                        reference::ThreadPool& threads) {
  reference::ReferenceAttention<double> attention(threads);
  Outcome<double> outcome = run_attention<double>(attention, p, &selection);
  return {reference::pool<double>(p.query.view(), o.query, threads).coarse,
          reference::pool<double>(p.key.view(), o.key, threads).coarse,
          std::move(outcome.output),
          std::move(outcome.lse),
          std::move(outcome.query_gradient),
          std::move(outcome.key_gradient),
          std::move(outcome.value_gradient)};
}

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
  using Word = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  return a.flat().size() == b.flat().size() &&
         std::equal(a.flat().begin(), a.flat().end(), b.flat().begin(),
                    [](T x, T y) { return std::bit_cast<Word>(x) == std::bit_cast<Word>(y); });
}

/// The tensors of two outcomes that are not bit for bit the same, by name.
template <class T>
std::vector<std::string> differing(const Outcome<T>& a, const Outcome<T>& b) {
  std::vector<std::string> names;
  const auto check = [&](const char* name, const Tensor<T>& x, const Tensor<T>& y) {
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
  Tensor<T> result(shape, T(0.5));
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
  explicit Battery(const BatteryOptions& options)
      : options_(options), threads_(options.threads), attention_(make_attention<T>(options.backend, threads_)) {
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
      for (const BatteryCase& spec : cases) run_case(spec.name, [&] { return make_problem(spec); });
      BatteryCase spec{.name = "",
                       .query = {1, 2, 330, 16},
                       .key = {1, 2, 330, 16},
                       .value_dim = 16,
                       .options = {.block_size = 4, .levels = 2, .top_k = {3, 2}},
                       .seed = options_.seed + 77};
      run_invariants(make_problem(spec));
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
      const Problem<double> problem = make();
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

  void run_given() {
    Problem<double> problem = *options_.given;
    add_random_gradients(problem, options_.seed);
    // The precision under test sees rounded inputs; so must the oracle.
    problem = widened_again(problem);
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

  static Problem<double> widened_again(const Problem<double>& p) {
    const Problem<T> rounded = converted<T>(p);
    const auto back = [](const Tensor<T>& tensor) {
      return tensor.flat().empty() ? Tensor<double>() : in_double<T>(tensor.view());
    };
    return {back(rounded.query),           back(rounded.key),          back(rounded.value),
            back(rounded.output_gradient), back(rounded.lse_gradient), p.options};
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
      reference::ThreadPool one(1), three(3);
      const auto a = run_attention<T>(*make_attention<T>(options_.backend, one), problem);
      const auto b = run_attention<T>(*make_attention<T>(options_.backend, three), problem);
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
  reference::ThreadPool threads_;
  std::unique_ptr<Attention<T>> attention_;
  std::int64_t total_ = 0;
  BatteryReport report_;
};

}  // namespace

bool BatteryReport::passed() const {
  return !lines.empty() && std::all_of(lines.begin(), lines.end(), [](const BatteryLine& line) { return line.passed; });
}

template <class T>
BatteryLine judge_outcome(const std::string& name, const Problem<double>& problem, const Outcome<T>& outcome,
                          bool small, reference::ThreadPool& threads) {
  const Magnitudes magnitudes = magnitudes_of(problem);
  BatteryLine line{.name = name, .oracle = small ? "naive" : "reference f64"};
  line.tolerance = widened(tolerance_of(dtype_of<T>()), magnitudes.largest_score, dtype_of<T>());
  validate(outcome.selection, outcome.options, problem.head_count());
  const Oracle oracle = small ? naive_oracle(problem, outcome.options, outcome.selection)
                              : reference_oracle(problem, outcome.options, outcome.selection, threads);
  line.selection = compare_selection(outcome.selection, oracle.query_levels, oracle.key_levels, outcome.options);
  if (!same_tokens(*line.selection, line.tolerance.score_gap) || !same_order(*line.selection, line.tolerance.score_gap))
    line.findings.push_back("selection: " + explain(*line.selection));
  const auto judge = [&](const char* quantity, const Tensor<T>& got, const Tensor<double>& want, double floor) {
    if (want.flat().empty()) return;
    Comparison c =
        compare(in_double<T>(got.view()).view(), want.view(), {.storage = dtype_of<T>(), .floor = floor, .rows = {}});
    if (const std::string why = explain(c, line.tolerance); !why.empty())
      line.findings.push_back(fmt::format("{}: {}", quantity, why));
    c.row_errors.clear();
    line.values.emplace_back(quantity, std::move(c));
  };
  judge("o", outcome.output, oracle.output, magnitudes.output);
  judge("lse", outcome.lse, oracle.lse, magnitudes.lse);
  judge("dq", outcome.query_gradient, oracle.query_gradient, magnitudes.query_gradient);
  judge("dk", outcome.key_gradient, oracle.key_gradient, magnitudes.key_gradient);
  judge("dv", outcome.value_gradient, oracle.value_gradient, magnitudes.value_gradient);
  line.passed = line.findings.empty();
  return line;
}

template <class T>
BatteryReport run_battery(const BatteryOptions& options) {
  return Battery<T>(options).run();
}

template BatteryLine judge_outcome(const std::string&, const Problem<double>&, const Outcome<float>&, bool,
                                   reference::ThreadPool&);
template BatteryLine judge_outcome(const std::string&, const Problem<double>&, const Outcome<double>&, bool,
                                   reference::ThreadPool&);
template BatteryReport run_battery<float>(const BatteryOptions&);
template BatteryReport run_battery<double>(const BatteryOptions&);

}  // namespace llsa::compare
