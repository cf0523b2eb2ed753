#include "compare/verify/verify.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "compare/verify/diagnose.hpp"
#include "compare/verify/locate.hpp"
#include "llsa/error.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

/// Coarser types have larger tolerances.
DType coarser(DType a, DType b) { return tolerance_of(a).relative_l2 >= tolerance_of(b).relative_l2 ? a : b; }

class Verifier {
 public:
  Verifier(const Problem<double>& problem, const Theirs& theirs, const VerifyOptions& options,
           ThreadPool& threads)
      : problem_(problem), theirs_(theirs), options_(options), threads_(threads), magnitudes_(magnitudes_of(problem)) {
    report_.options = problem.resolved();
    // Scores can be no better than the inputs' type, nor than the type the outputs are kept in.
    DType scores = options.tolerance ? coarser(options.inputs, *options.tolerance) : options.inputs;
    for (const auto& [name, tensor] : theirs.tensors) scores = coarser(scores, tensor.stored);
    score_gap_ = tolerance_of(scores).score_gap;
  }

  VerifyReport verify() {
    if (!theirs_.indices.empty()) step("selection"), judge_selection();
    step("reference");
    reference::ReferenceAttention<double> reference(threads_);
    truth_ = run_attention<double>(reference, problem_, selection());
    step("outputs");
    judge_outputs();
    judge_gradients();
    for (const std::string& name : theirs_.ignored)
      report_.notes.push_back(name + " in theirs is not a name that is judged");
    return std::move(report_);
  }

 private:
  const Selection* selection() const { return given_ ? &*given_ : nullptr; }

  void step(std::string_view name) {
    parallel_checkpoint();
    options_.on_step(name);
  }
  /// An empty loop throws `Cancelled` when a stop was asked for.
  void parallel_checkpoint() {
    threads_.parallel_for(1, [](std::int64_t, int) {});
  }

  // --- selection -----------------------------------------------------------------------------------------------------

  void judge_selection() {
    const ResolvedOptions& o = report_.options;
    // Levels that are not given are ours, below what was given above them.
    std::vector<bool> level_given(static_cast<std::size_t>(o.levels) + 1);
    reference::ReferenceAttention<double> reference(threads_);
    Problem<double> forward_only{problem_.query, problem_.key, problem_.value, {}, {}, problem_.options};
    Selection lists = run_attention<double>(reference, forward_only).selection;
    for (const auto& [level, theirs] : theirs_.indices) {
      lists.level(level) = theirs;
      level_given[static_cast<std::size_t>(level)] = true;
    }
    std::string malformed;
    try {
      validate(lists, o, problem_.head_count());
      given_ = lists;
    } catch (const Error& error) {
      malformed = error.what();
    }
    const auto query = levels_of(problem_.query, o.query), key = levels_of(problem_.key, o.key);
    bool wrong = false;
    for (const auto& [level, theirs] : theirs_.indices) {
      TensorVerdict v{.name = fmt::format("indices_{}", level)};
      v.tolerance.score_gap = score_gap_;
      if (given_) {
        v.selection = compare_selection(*given_, query, key, o, level, level);
        v.verdict = same_tokens(*v.selection, score_gap_) ? Verdict::right : Verdict::wrong;
        if (v.verdict == Verdict::wrong) {
          v.findings.push_back(explain(*v.selection));
          if (v.selection->tie_flips > 0 && v.selection->tie_flips == v.selection->flips)
            v.findings.push_back("looks like: ties go to the higher index");
        } else if (!same_order(*v.selection, score_gap_)) {
          v.findings.push_back(
              fmt::format("the right tokens, but {} of {} lists are not ordered by score (which changes no "
                          "value)",
                          v.selection->misordered_lists, v.selection->lists));
        }
      } else {
        v.verdict = Verdict::wrong;
        v.findings.push_back(malformed);
      }
      wrong |= v.verdict == Verdict::wrong;
      report_.tensors.push_back(std::move(v));
    }
    if (!given_)
      report_.notes.push_back("the indices are not a selection of this problem: values are judged on ours");
    else
      report_.notes.push_back("values are judged on their selection");
    if (!wrong) return;
    step("alternative selections");
    const std::string finding = diagnose_selection(problem_, o, lists, level_given);
    for (TensorVerdict& v : report_.tensors) {
      const bool known = std::any_of(v.findings.begin(), v.findings.end(),
                                     [](const std::string& f) { return f.starts_with("looks like"); });
      if (v.verdict == Verdict::wrong && !finding.empty() && !known) v.findings.push_back(finding);
    }
  }

  std::vector<Tensor<double>> levels_of(const Tensor<double>& tensor, const Hierarchy& hierarchy) {
    return reference::pool<double>(tensor.view(), hierarchy, threads_).coarse;
  }

  // --- values --------------------------------------------------------------------------------------------------------

  Suspect suspect(const std::string& name, const TheirTensor& theirs, const Tensor<double>& want, double floor) const {
    DType type = options_.tolerance ? coarser(*options_.tolerance, theirs.stored) : theirs.stored;
    // Kernels keep the LSE in f32 beside outputs in a half type; it is no better than what these are made of.
    if (const TheirTensor* output = theirs_.find("o"); name == "lse" && output != nullptr)
      type = coarser(type, output->stored);
    Suspect s{.name = name, .got = &theirs.values, .want = &want};
    s.tolerance = widened(tolerance_of(type), magnitudes_.largest_score, type);
    s.how = {
        .storage = theirs.stored, .floor = floor, .resolution = tolerance_of(theirs.stored).resolution, .rows = {}};
    s.comparison = compare(theirs.values.view(), want.view(), s.how);
    return s;
  }

  /// Judges, and on failure once more without the queries whose selection rounding may decide either way.
  TensorVerdict judge(Suspect& s, bool by_query) {
    TensorVerdict v{.name = s.name, .verdict = Verdict::right, .tolerance = s.tolerance, .comparison = s.comparison};
    if (within(s.comparison, s.tolerance)) return v;
    if (selection() == nullptr && report_.options.levels > 0 && find_undecided() > 0) {
      const std::string ties = fmt::format("{} of {} query blocks have scores that tie within {:.1e}", undecided_,
                                           problem_.head_count() * report_.options.query.length(1), score_gap_);
      if (by_query) {
        CompareOptions how = s.how;
        how.rows = decided_;
        const Comparison rest = compare(s.got->view(), s.want->view(), how);
        if (rest.elements == 0) {
          v.verdict = Verdict::not_judged;
          v.findings.push_back(ties + ": give indices_1 ... to have it judged");
          return v;
        }
        if (within(rest, s.tolerance)) {
          v.comparison = rest;
          v.findings.push_back(ties + ": left out, since no indices say which key was selected");
          ties_matter_ = true;
          return v;
        }
      } else if (ties_matter_) {
        v.verdict = Verdict::not_judged;
        v.findings.push_back(ties + ": give indices_1 ... to have it judged");
        return v;
      }
    }
    v.verdict = Verdict::wrong;
    v.findings.push_back(explain(s.comparison, s.tolerance));
    return v;
  }

  /// Counts the query blocks with a near tie, and marks the rows of the others.
  std::int64_t find_undecided() {
    if (!decided_.empty()) return undecided_;
    const ResolvedOptions& o = report_.options;
    const Definition right = specification(o);
    DefinitionEvaluator evaluator(problem_, o.levels);
    decided_.assign(static_cast<std::size_t>(problem_.head_count() * o.query.tokens()), 1);
    for (std::int64_t head = 0; head < problem_.head_count(); ++head)
      for (std::int64_t block = 0; block < o.query.length(1); ++block) {
        const TokenRange rows = o.query.fine(1, block);
        const double margin = evaluator.margin(right, head, rows.begin);
        if (!(margin > 0) || !(margin <= score_gap_)) continue;  // exact ties are decided: the lower index
        ++undecided_;
        const auto first = decided_.begin() + head * o.query.tokens();
        std::fill(first + rows.begin, first + rows.end, 0);
      }
    return undecided_;
  }

  /// What can be said without knowing what the tensor is.
  void add_common_findings(TensorVerdict& v, const Suspect& s) const {
    const std::vector<RowRef> wrong = wrong_rows(s.comparison, s.want->shape(), s.tolerance.element);
    const std::string where = locate(wrong, s.want->shape(), report_.options.block_size);
    if (!where.empty()) v.findings.push_back(where);
    for (const DType type : {DType::f32, DType::f16, DType::bf16})
      if (within(s.comparison, widened(tolerance_of(type), magnitudes_.largest_score, type))) {
        v.findings.push_back(fmt::format("the error is no more than {} arithmetic makes (--tolerance {} accepts it)",
                                         name_of(type), name_of(type)));
        break;
      }
  }

  void judge_outputs() {
    std::vector<Suspect> suspects;
    std::vector<TensorVerdict> verdicts;
    const auto add = [&](const char* name, const Tensor<double>& want, double floor) {
      const TheirTensor* theirs = theirs_.find(name);
      if (theirs == nullptr) return;
      suspects.push_back(suspect(name, *theirs, want, floor));
      verdicts.push_back(judge(suspects.back(), true));
    };
    add("o", truth_.output, magnitudes_.output);
    add("lse", truth_.lse, magnitudes_.lse);
    const Suspect* wrong[2] = {nullptr, nullptr};
    std::string copies[2];
    for (std::size_t n = 0; n < suspects.size(); ++n) {
      if (verdicts[n].verdict != Verdict::wrong) continue;
      const std::size_t kind = suspects[n].name == "lse";
      copies[kind] = diagnose_copy(suspects[n], problem_.value);
      if (copies[kind].empty()) wrong[kind] = &suspects[n];
    }
    ForwardFindings findings;
    if (wrong[0] != nullptr || wrong[1] != nullptr) {
      step("alternative definitions");
      findings = diagnose_forward(problem_, report_.options, selection(), wrong[0], wrong[1]);
    }
    for (std::size_t n = 0; n < suspects.size(); ++n) {
      const std::size_t kind = suspects[n].name == "lse";
      if (verdicts[n].verdict == Verdict::wrong) {
        const std::string& alternative = kind == 0 ? findings.output : findings.lse;
        if (!copies[kind].empty()) verdicts[n].findings.push_back(copies[kind]);
        if (!alternative.empty()) verdicts[n].findings.push_back(alternative);
        add_common_findings(verdicts[n], suspects[n]);
      }
      report_.tensors.push_back(std::move(verdicts[n]));
    }
  }

  void judge_gradients() {
    judge_gradient("dq", truth_.query_gradient, magnitudes_.query_gradient);
    judge_gradient("dk", truth_.key_gradient, magnitudes_.key_gradient);
    judge_gradient("dv", truth_.value_gradient, magnitudes_.value_gradient);
  }

  void judge_gradient(const std::string& name, const Tensor<double>& want, double floor) {
    const TheirTensor* theirs = theirs_.find(name);
    if (theirs == nullptr) return;
    if (!problem_.has_gradient()) {
      report_.tensors.push_back({.name = name, .verdict = Verdict::not_judged, .findings = {"needs --grad-output"}});
      return;
    }
    step(name);
    Suspect s = suspect(name, *theirs, want, floor);
    TensorVerdict v = judge(s, name == "dq");
    if (v.verdict == Verdict::not_judged) return report_.tensors.push_back(std::move(v));
    const bool wrong = v.verdict == Verdict::wrong;
    const auto& errors = s.comparison.row_errors;
    // Where query heads share key heads no head is a problem of its own, and the gradient is judged whole only.
    const bool comparable =
        report_.options.group == 1 && s.comparison.nonfinite_differences == 0 &&
        std::any_of(want.flat().begin(), want.flat().end(), [](double x) { return std::isfinite(x) && x != 0; });
    if (comparable) {
      // One head: they are independent, and a mistake in one of them must not be averaged with the others.
      const std::int64_t head = (std::max_element(errors.begin(), errors.end()) - errors.begin()) / want.shape().tokens;
      const Problem<double> problem = one_head(problem_, head);
      const Selection lists = one_head(truth_.selection, report_.options, head);
      const Tensor<double> got = one_head(theirs->values, head), right = one_head(want, head);
      Suspect part = s;
      part.got = &got;
      part.want = &right;
      part.how.rows.clear();
      part.comparison = compare(got.view(), right.view(), part.how);
      GradientFinding finding = diagnose_gradient(problem, report_.options, selection() != nullptr ? &lists : nullptr,
                                                  name, got, part, wrong, all_findings(), threads_);
      v.equation = finding.equation + (problem_.head_count() > 1 ? fmt::format(" (head {})", head) : "");
      v.decomposition = std::move(finding.decomposition);
      v.findings.insert(v.findings.end(), finding.findings.begin(), finding.findings.end());
      if (wrong && finding.findings.empty())
        if (std::string copy = diagnose_copy(s, problem_.value); !copy.empty()) v.findings.push_back(std::move(copy));
    }
    if (wrong) {
      add_swapped(v, s);
      add_common_findings(v, s);
    }
    report_.tensors.push_back(std::move(v));
  }

  /// What was said so far: a mistake in the output is likely the gradient's too.
  std::string all_findings() const {
    std::string text;
    for (const TensorVerdict& v : report_.tensors)
      for (const std::string& finding : v.findings) text += finding + "\n";
    return text;
  }

  void add_swapped(TensorVerdict& v, const Suspect& s) const {
    for (const auto& [name, other] : {std::pair{"dq", &truth_.query_gradient}, std::pair{"dk", &truth_.key_gradient},
                                      std::pair{"dv", &truth_.value_gradient}})
      if (name != s.name && other->shape() == s.got->shape() &&
          within(compare(s.got->view(), other->view(), s.how), s.tolerance))
        v.findings.push_back(fmt::format("{} holds {}", s.name, name));
  }

  const Problem<double>& problem_;
  const Theirs& theirs_;
  const VerifyOptions& options_;
  ThreadPool& threads_;
  Magnitudes magnitudes_;
  double score_gap_ = 0;
  std::optional<Selection> given_;  ///< theirs, when well-formed
  Outcome<double> truth_;
  std::vector<char> decided_;
  std::int64_t undecided_ = 0;
  bool ties_matter_ = false;  ///< leaving near ties out made a difference
  VerifyReport report_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
  return verdict == Verdict::right ? "right" : verdict == Verdict::wrong ? "WRONG" : "not judged";
}

bool VerifyReport::right() const {
  const auto any = [&](Verdict v) {
    return std::any_of(tensors.begin(), tensors.end(), [v](const TensorVerdict& t) { return t.verdict == v; });
  };
  return any(Verdict::right) && !any(Verdict::wrong);
}

VerifyReport verify(const Problem<double>& problem, const Theirs& theirs, const VerifyOptions& options,
                    ThreadPool& threads) {
  return Verifier(problem, theirs, options, threads).verify();
}

}  // namespace llsa::compare::verify
