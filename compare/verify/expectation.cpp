#include "compare/verify/expectation.hpp"

#include <algorithm>
#include <cmath>

#include "compare/verify/bounds.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

double rms_of(const Tensor<double>& tensor) {
  double sum = 0, count = 0;
  for (const double x : tensor.flat())
    if (std::isfinite(x)) sum += x * x, ++count;
  return count > 0 ? std::sqrt(sum / count) : 0;
}

bool by_query(const std::string& name) { return name == "o" || name == "lse" || name == "dq"; }

class Expecting {
 public:
  Expecting(const Problem<double>& problem, const Theirs& theirs, const std::vector<bool>& given, double gap,
            Measures& measures, ThreadPool& threads)
      : p_(problem),
        theirs_(theirs),
        given_(given),
        gap_(gap),
        measures_(measures),
        threads_(threads),
        o_(problem.resolved()) {}

  Expectation expect(const Selection* lists) {
    reference::ReferenceAttention<double> reference(threads_);
    e_.truth = run_attention<double>(reference, p_, lists);
    for (const auto& [name, tensor] : theirs_.tensors)
      if (by_query(name) ? name != "dq" || p_.has_gradient() : p_.has_gradient()) names_.push_back(name);
    e_.blocks = o_.levels > 0 ? p_.head_count() * o_.query.length(1) : 0;
    const bool all_given = std::count(given_.begin() + 1, given_.end(), false) == 0;
    if (o_.levels > 0 && !all_given && !all_fit()) infer();
    for (const std::string& name : names_) finish(name);
    return std::move(e_);
  }

 private:
  const Tensor<double>& truth(const std::string& name) const { return truth(e_.truth, name); }
  static const Tensor<double>& truth(const Outcome<double>& outcome, const std::string& name) {
    if (name == "o") return outcome.output;
    if (name == "lse") return outcome.lse;
    if (name == "dq") return outcome.query_gradient;
    return name == "dk" ? outcome.key_gradient : outcome.value_gradient;
  }

  bool all_fit() {
    return std::ranges::all_of(names_, [&](const std::string& name) {
      const Measure m = measures_.of(name);
      return within(compare(theirs_.find(name)->values.view(), truth(name).view(), m.how), m.tolerance);
    });
  }

  GivenRows rows_of(const std::string& name) {
    if (std::ranges::count(names_, name) == 0) return {};
    const Measure m = measures_.of(name);
    return {theirs_.find(name), m.tolerance.relative_l2, std::max(rms_of(truth(name)), m.how.floor), m.how.absolute};
  }

  /// Blocks that hold a row that is off by more than is allowed, alone or together.
  std::vector<char> suspects() {
    std::vector<char> suspect(static_cast<std::size_t>(e_.blocks), 0);
    for (const std::string& name : names_) {
      if (!by_query(name)) continue;
      const Measure m = measures_.of(name);
      const Tensor<double>&got = theirs_.find(name)->values, &want = truth(name);
      const Comparison c = compare(got.view(), want.view(), m.how);
      const double size = m.how.absolute ? 1 : std::max(rms_of(want), m.how.floor);
      for (std::int64_t head = 0; head < p_.head_count(); ++head)
        for (std::int64_t b = 0; b < o_.query.length(1); ++b) {
          const TokenRange rows = o_.query.fine(1, b);
          double sum = 0;
          bool off = false;
          for (std::int64_t i = rows.begin; i < rows.end; ++i) {
            off |= !(c.row_errors[static_cast<std::size_t>(head * o_.query.tokens() + i)] <= m.tolerance.element);
            for (std::int64_t d = 0; d < want.shape().dim; ++d) {
              const double e = got.view().head(head)(i, d) - want.view().head(head)(i, d);
              if (std::isfinite(e)) sum += e * e;
            }
          }
          const double rms = std::sqrt(sum / static_cast<double>(rows.size() * want.shape().dim));
          suspect[static_cast<std::size_t>(head * o_.query.length(1) + b)] |=
              off || !(rms <= m.tolerance.relative_l2 * size);
        }
    }
    return suspect;
  }

  void infer() {
    DefinitionEvaluator evaluator(p_, o_.levels);
    const Definition definition = specification(o_);
    const LevelMeans means{reference::pool<double>(p_.query.view(), o_.query, threads_).coarse,
                           reference::pool<double>(p_.key.view(), o_.key, threads_).coarse};
    InferredSelection inferred(o_, means, e_.truth.selection, given_, gap_);
    const Evidence evidence(evaluator, definition, rows_of("o"), rows_of("lse"), rows_of("dq"));
    if (evidence.any()) {
      inferred.infer(evidence, suspects(), threads_);
    } else {
      inferred.open_all(near_tied(evaluator, definition));
    }
    e_.alternative = inferred.count(Standing::alternative);
    e_.open = inferred.count(Standing::open);
    blocks_ = inferred.blocks();
    if (e_.alternative == 0 && e_.open == 0) return;
    reference::ReferenceAttention<double> reference(threads_);
    const Selection lists = inferred.lists();
    e_.truth = run_attention<double>(reference, p_, &lists);
    if (e_.open == 0) return;
    bounds_ = open_bounds(p_, o_, means, lists, given_, blocks_, gap_, evaluator);
    // dK and dV are sums over queries: those of the other blocks are exact.
    if (p_.has_gradient()) others_ = run_attention<double>(reference, without_open_blocks(), &lists);
  }

  std::vector<char> near_tied(DefinitionEvaluator& evaluator, const Definition& definition) const {
    std::vector<char> tied(static_cast<std::size_t>(e_.blocks), 0);
    for (std::size_t b = 0; b < tied.size(); ++b) {
      const auto head = static_cast<std::int64_t>(b) / o_.query.length(1),
                 block = static_cast<std::int64_t>(b) % o_.query.length(1);
      tied[b] = evaluator.margin(definition, head, o_.query.fine(1, block).begin) <= gap_;
    }
    return tied;
  }

  bool open(std::int64_t head, std::int64_t token) const {
    return !blocks_.empty() &&
           blocks_[static_cast<std::size_t>(head * o_.query.length(1) + token / o_.block_size)] == Standing::open;
  }

  Problem<double> without_open_blocks() const {
    Problem<double> p = p_;
    for (std::int64_t head = 0; head < p.head_count(); ++head)
      for (std::int64_t i = 0; i < o_.query.tokens(); ++i) {
        if (!open(head, i)) continue;
        double* row = p.output_gradient.view().head(head).row(i);
        std::fill(row, row + p.output_gradient.shape().dim, 0.0);
        if (p.has_lse_gradient()) p.lse_gradient.view().head(head)(i, 0) = 0;
      }
    return p;
  }

  const Interval& bounds_of(const std::string& name) const {
    if (name == "o") return bounds_->output;
    if (name == "lse") return bounds_->lse;
    if (name == "dq") return bounds_->query_gradient;
    return name == "dk" ? bounds_->key_gradient : bounds_->value_gradient;
  }

  void finish(const std::string& name) {
    Expected expected{truth(name), {}, {}};
    const Shape& s = expected.want.shape();
    Judged& j = expected.judged;
    j.rows = s.batch * s.heads * s.tokens;
    j.elements = s.size();
    if (by_query(name) && !blocks_.empty())
      for (std::int64_t row = 0; row < j.rows; ++row)
        j.alternative +=
            blocks_[static_cast<std::size_t>(row / s.tokens * o_.query.length(1) + row % s.tokens / o_.block_size)] ==
            Standing::alternative;
    if (bounds_) bound(name, expected);
    j.exact = j.rows - j.alternative - j.bounded;
    e_.wants[name] = std::move(expected);
  }

  /// Replaces what is known within bounds only by what is nearest to theirs there.
  void bound(const std::string& name, Expected& expected) {
    const Interval& interval = bounds_of(name);
    const Tensor<double>& got = theirs_.find(name)->values;
    const Shape& s = got.shape();
    const double size = name == "lse" ? 1 : rms_of(expected.want);
    expected.exact.assign(static_cast<std::size_t>(expected.judged.rows), 1);
    for (std::int64_t head = 0; head < s.batch * s.heads; ++head)
      for (std::int64_t t = 0; t < s.tokens; ++t) {
        bool bounded = false;
        for (std::int64_t d = 0; d < s.dim; ++d) {
          double low = interval.low.view().head(head)(t, d), high = interval.high.view().head(head)(t, d);
          if (by_query(name) ? !open(head, t) : low == 0 && high == 0) continue;
          bounded = true;
          if (!by_query(name)) {
            const double rest = truth(*others_, name).view().head(head)(t, d);
            low += rest;
            high += rest;
          }
          const double g = got.view().head(head)(t, d);
          double& want = expected.want.view().head(head)(t, d);
          // NaN in the inputs may reach it, or not.
          if (!std::isfinite(low) || !std::isfinite(high)) {
            want = g;
            ++expected.judged.not_judged;
            continue;
          }
          want = std::isfinite(g) ? std::clamp(g, low, high) : (low + high) / 2;
          // A bound that is as wide as the tensor's values says nothing of them.
          if (!(high - low <= size)) ++expected.judged.not_judged;
        }
        expected.judged.bounded += bounded;
        if (bounded) expected.exact[static_cast<std::size_t>(head * s.tokens + t)] = 0;
      }
  }

  const Problem<double>& p_;
  const Theirs& theirs_;
  const std::vector<bool>& given_;
  double gap_;
  Measures& measures_;
  ThreadPool& threads_;
  ResolvedOptions o_;
  std::vector<std::string> names_;
  std::vector<Standing> blocks_;  ///< empty: all exact
  std::optional<OpenBounds> bounds_;
  std::optional<Outcome<double>> others_;
  Expectation e_;
};

}  // namespace

Expectation expect(const Problem<double>& problem, const Theirs& theirs, const Selection* lists,
                   const std::vector<bool>& given, double gap, Measures& measures, ThreadPool& threads) {
  return Expecting(problem, theirs, given, gap, measures, threads).expect(lists);
}

}  // namespace llsa::compare::verify
