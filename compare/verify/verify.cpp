#include "compare/verify/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compare/verify/diagnose.hpp"
#include "compare/verify/expectation.hpp"
#include "compare/verify/judge_selection.hpp"
#include "compare/verify/judge_values.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::verify {
namespace {

class Verifier {
 public:
  Verifier(const Problem<double>& problem, const Theirs& theirs, const VerifyOptions& options, ThreadPool& threads)
      : problem_(problem),
        theirs_(theirs),
        options_(options),
        threads_(threads),
        measures_(problem, theirs, options.tolerance, threads) {
    report_.options = problem.resolved();
    report_.required = options.require_judged;
  }

  VerifyReport verify() {
    // Scores can be no better than the inputs' type, nor than the type the outputs are kept in.
    DType scores = options_.tolerance ? coarser(options_.inputs, *options_.tolerance) : options_.inputs;
    for (const auto& [name, tensor] : theirs_.tensors) scores = coarser(scores, tensor.stored);
    const double gap = tolerance_of(scores).score_gap;
    if (!theirs_.indices.empty()) step("selection");
    SelectionVerdicts selection =
        judge_selection(problem_, theirs_, gap, options_.diagnose, threads_, [&] { step("alternative selections"); });
    report_.tensors = std::move(selection.tensors);
    if (!selection.note.empty()) report_.notes.push_back(selection.note);
    step("reference");
    expectation_ = expect(problem_, theirs_, selection.lists ? &*selection.lists : nullptr, selection.given, gap,
                          measures_, threads_);
    known_ = selection.lists.has_value() || expectation_.alternative > 0;
    if (expectation_.alternative + expectation_.open > 0)
      report_.notes.push_back(fmt::format(
          "scores within {:.1e} may be ranked either way: of {} query blocks {} are right on another "
          "selection than the definition's, {} are held against bounds only (give indices_1 ... to have all "
          "judged exactly)",
          gap, expectation_.blocks, expectation_.alternative, expectation_.open));
    step("outputs");
    judge_outputs();
    for (const char* name : {"dq", "dk", "dv"})
      if (theirs_.find(name) != nullptr) judge_gradient(name);
    for (const std::string& name : theirs_.ignored)
      report_.notes.push_back(name + " in theirs is not a name that is judged");
    return std::move(report_);
  }

 private:
  void step(std::string_view name) {
    // An empty loop throws `Cancelled` when a stop was asked for.
    threads_.parallel_for(1, [](std::int64_t, int) {});
    options_.on_step(name);
  }
  const Selection* selection() const { return known_ ? &expectation_.truth.selection : nullptr; }

  Suspect suspect(const std::string& name) {
    const Measure measure = measures_.of(name);
    Suspect s{.name = name, .got = &theirs_.find(name)->values, .want = &expectation_.wants.at(name).want};
    s.tolerance = measure.tolerance;
    s.how = measure.how;
    s.comparison = compare(s.got->view(), s.want->view(), s.how);
    return s;
  }

  TensorVerdict judge(const Suspect& s) {
    const DType arithmetic = measures_.of(s.name).type == DType::f64 ? DType::f64 : DType::f32;
    return judge_values(problem_, s, expectation_.wants.at(s.name), expectation_.truth, arithmetic);
  }

  /// What can be said without knowing what the tensor is.
  void add_common_findings(TensorVerdict& v, const Suspect& s) {
    if (!options_.diagnose) return;
    for (std::string& finding : findings_of_place(s, expectation_.truth, report_.options))
      v.findings.push_back(std::move(finding));
    for (const DType type : {DType::f32, DType::f16, DType::bf16})
      if (within(s.comparison, measures_.tolerance(s.name, type))) {
        v.findings.push_back(fmt::format("the error is no more than {} arithmetic makes (--tolerance {} accepts it)",
                                         name_of(type), name_of(type)));
        break;
      }
  }

  void judge_outputs() {
    std::vector<Suspect> suspects;
    std::vector<TensorVerdict> verdicts;
    for (const char* name : {"o", "lse"}) {
      if (theirs_.find(name) == nullptr) continue;
      suspects.push_back(suspect(name));
      verdicts.push_back(judge(suspects.back()));
    }
    const Suspect* wrong[2] = {nullptr, nullptr};
    std::string copies[2];
    for (std::size_t n = 0; n < suspects.size() && options_.diagnose; ++n) {
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

  void judge_gradient(const std::string& name) {
    if (!problem_.has_gradient()) {
      const Shape& s = theirs_.find(name)->values.shape();
      report_.tensors.push_back(
          {.name = name,
           .verdict = Verdict::not_judged,
           .judged = {.rows = s.batch * s.heads * s.tokens, .elements = s.size(), .not_judged = s.size()},
           .findings = {"needs --grad-output"}});
      return;
    }
    step(name);
    const Suspect s = suspect(name);
    TensorVerdict v = judge(s);
    const bool wrong = v.verdict == Verdict::wrong;
    if (v.verdict != Verdict::not_judged && options_.diagnose && decomposable(s)) decompose_head(v, s, wrong);
    if (wrong) {
      add_swapped(v, s);
      if (options_.diagnose)
        if (const std::string strides = diagnose_strides(problem_, expectation_.truth.selection, s, threads_);
            !strides.empty())
          v.findings.push_back(strides);
      add_common_findings(v, s);
    }
    report_.tensors.push_back(std::move(v));
  }

  bool decomposable(const Suspect& s) const {
    // Where query heads share key heads no head is a problem of its own, and the gradient is judged whole only.
    return report_.options.group == 1 && expectation_.open == 0 && s.comparison.nonfinite_differences == 0 &&
           std::ranges::any_of(s.want->flat(), [](double x) { return std::isfinite(x) && x != 0; });
  }

  void decompose_head(TensorVerdict& v, const Suspect& s, bool wrong) {
    // One head: they are independent, and a mistake in one of them must not be averaged with the others.
    const auto& errors = s.comparison.row_errors;
    const std::int64_t head =
        (std::max_element(errors.begin(), errors.end()) - errors.begin()) / s.want->shape().tokens;
    const Problem<double> problem = one_head(problem_, head);
    const Selection lists = one_head(expectation_.truth.selection, report_.options, head);
    const Tensor<double> got = one_head(*s.got, head), right = one_head(*s.want, head);
    Suspect part = s;
    part.got = &got;
    part.want = &right;
    part.comparison = compare(got.view(), right.view(), part.how);
    GradientFinding finding = diagnose_gradient(problem, report_.options, known_ ? &lists : nullptr, s.name, got, part,
                                                wrong, all_findings(), threads_);
    v.equation = finding.equation + (problem_.head_count() > 1 ? fmt::format(" (head {})", head) : "");
    v.decomposition = std::move(finding.decomposition);
    v.findings.insert(v.findings.end(), finding.findings.begin(), finding.findings.end());
    if (wrong && finding.findings.empty())
      if (std::string copy = diagnose_copy(s, problem_.value); !copy.empty()) v.findings.push_back(std::move(copy));
  }

  /// What was said so far: a mistake in the output is likely the gradient's too.
  std::string all_findings() const {
    std::string text;
    for (const TensorVerdict& v : report_.tensors)
      for (const std::string& finding : v.findings) text += finding + "\n";
    return text;
  }

  void add_swapped(TensorVerdict& v, const Suspect& s) const {
    const Outcome<double>& truth = expectation_.truth;
    for (const auto& [name, other] : {std::pair{"dq", &truth.query_gradient}, std::pair{"dk", &truth.key_gradient},
                                      std::pair{"dv", &truth.value_gradient}})
      if (name != s.name && other->shape() == s.got->shape() &&
          within(compare(s.got->view(), other->view(), s.how), s.tolerance))
        v.findings.push_back(fmt::format("{} holds {}", s.name, name));
  }

  const Problem<double>& problem_;
  const Theirs& theirs_;
  const VerifyOptions& options_;
  ThreadPool& threads_;
  Measures measures_;
  Expectation expectation_;
  bool known_ = false;  ///< which selection theirs made
  VerifyReport report_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
  return verdict == Verdict::right ? "right" : verdict == Verdict::wrong ? "WRONG" : "not judged";
}

std::string_view name_of(Conclusion conclusion) {
  return conclusion == Conclusion::right ? "right" : conclusion == Conclusion::wrong ? "wrong" : "not judged enough";
}

Conclusion VerifyReport::conclusion() const {
  const auto is_wrong = [](const TensorVerdict& t) { return t.verdict == Verdict::wrong; };
  const auto is_short = [this](const TensorVerdict& t) { return !(t.judged.share() >= required); };
  if (std::ranges::any_of(tensors, is_wrong)) return Conclusion::wrong;
  if (std::ranges::none_of(tensors, [](const TensorVerdict& t) { return t.verdict == Verdict::right; }) ||
      std::ranges::any_of(tensors, is_short))
    return Conclusion::not_judged_enough;
  return Conclusion::right;
}

VerifyReport verify(const Problem<double>& problem, const Theirs& theirs, const VerifyOptions& options,
                    ThreadPool& threads) {
  return Verifier(problem, theirs, options, threads).verify();
}

}  // namespace llsa::compare::verify
