// Mistakes of reading memory: dO with another tensor's strides, keys behind the end.
#include <fmt/core.h>

#include <algorithm>

#include "compare/verify/diagnose.hpp"
#include "compare/verify/locate.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

/// dO as a kernel sees it that reads element `at(b, h, t, d)` of its memory, `[batch, heads, tokens, dim]`, row-major.
template <class At>
Tensor<double> reread(const Tensor<double>& tensor, At at) {
  const Shape& s = tensor.shape();
  Tensor<double> result(s);
  double* out = result.data();
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t)
        for (std::int64_t d = 0; d < s.dim; ++d) *out++ = tensor.flat()[static_cast<std::size_t>(at(b, h, t, d))];
  return result;
}

/// The rows of wrong ones that do not attend to the ragged last block of keys, and all rows that do.
struct TailRows {
  std::int64_t wrong_elsewhere = 0, attending = 0, rows = 0;
};
TailRows tail_rows(const std::vector<RowRef>& wrong, const Outcome<double>& truth, const ResolvedOptions& o) {
  const auto last = static_cast<std::int32_t>(o.key.length(1) - 1);
  const auto attends = [&](std::int64_t head, std::int64_t block) {
    return std::ranges::count(truth.selection.list(1, head, block), last) > 0;
  };
  TailRows count;
  for (const RowRef& row : wrong) count.wrong_elsewhere += !attends(row.head, row.token / o.block_size);
  for (std::int64_t head = 0; head < truth.selection.level(1).heads; ++head)
    for (std::int64_t block = 0; block < o.query.length(1); ++block) {
      count.rows += o.query.count(1, block);
      if (attends(head, block)) count.attending += o.query.count(1, block);
    }
  return count;
}

}  // namespace

std::string diagnose_strides(const Problem<double>& problem, const Selection& lists, const Suspect& s,
                             ThreadPool& threads) {
  const Shape shape = problem.output_gradient.shape();
  Explanations explanations(s.tolerance);
  const auto try_as = [&](const char* name, auto at) {
    if (explanations.explained()) return;
    Problem<double> other = problem;
    other.output_gradient = reread(problem.output_gradient, at);
    reference::ReferenceAttention<double> reference(threads);
    const Outcome<double> outcome = run_attention<double>(reference, other, &lists);
    const Tensor<double>& candidate = s.name == "dq"   ? outcome.query_gradient
                                      : s.name == "dk" ? outcome.key_gradient
                                                       : outcome.value_gradient;
    explanations.add(name, compare(s.got->view(), candidate.view(), s.how));
  };
  const std::int64_t heads = shape.heads, tokens = shape.tokens, dim = shape.dim;
  if (heads > 1) {
    try_as("grad_output is read with the strides of [batch, tokens, heads, dim]",
           [=](auto b, auto h, auto t, auto d) { return ((b * tokens + t) * heads + h) * dim + d; });
    try_as("grad_output lies as [batch, tokens, heads, dim] and is read as if it did not",
           [=](auto b, auto h, auto t, auto d) {
             const std::int64_t n = ((b * heads + h) * tokens + t) * dim + d, place = n % (heads * tokens * dim);
             return ((b * heads + place / dim % heads) * tokens + place / dim / heads) * dim + d;
           });
    try_as("grad_output of the first head is read for every head",
           [=](auto b, auto, auto t, auto d) { return (b * heads * tokens + t) * dim + d; });
  }
  if (dim > 1)
    try_as("grad_output is read with the strides of [batch, heads, dim, tokens]",
           [=](auto b, auto h, auto t, auto d) { return ((b * heads + h) * dim + d) * tokens + t; });
  try_as("grad_output of the first token is read for every token",
         [=](auto b, auto h, auto, auto d) { return (b * heads + h) * tokens * dim + d; });
  return explanations.explained() ? explanations.text(1) : std::string();
}

std::vector<std::string> findings_of_place(const Suspect& s, const Outcome<double>& truth, const ResolvedOptions& o) {
  std::vector<std::string> findings;
  const std::vector<RowRef> wrong = wrong_rows(s.comparison, s.want->shape(), s.tolerance.element);
  if (std::string where = locate(wrong, s.want->shape(), o.block_size); !where.empty())
    findings.push_back(std::move(where));
  const bool ragged = o.levels > 0 && o.key.tokens() % o.block_size != 0;
  if (!ragged || wrong.empty() || s.name == "dk" || s.name == "dv") return findings;
  const TailRows tail = tail_rows(wrong, truth, o);
  if (tail.wrong_elsewhere == 0 && tail.attending < tail.rows &&
      10 * static_cast<std::int64_t>(wrong.size()) >= 9 * tail.attending)
    findings.push_back(
        "looks like: keys behind the end of the ragged last block are read; the rows that are off are those that "
        "attend "
        "to it");
  return findings;
}

}  // namespace llsa::compare::verify
