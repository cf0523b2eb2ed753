#include "compare/exact_results.hpp"

#include "reference/attention.hpp"
#include "reference/naive.hpp"

namespace llsa::compare {
namespace {

ExactResults naive_results(const Problem<double>& p, const ResolvedOptions& o, const Selection& selection) {
  ExactResults oracle{
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

ExactResults reference_results(const Problem<double>& p, const ResolvedOptions& o, const Selection& selection,
                               ThreadPool& threads) {
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

}  // namespace

ExactResults exact_results(const Problem<double>& problem, const ResolvedOptions& options, const Selection& selection,
                           bool small, ThreadPool& threads) {
  return small ? naive_results(problem, options, selection) : reference_results(problem, options, selection, threads);
}

}  // namespace llsa::compare
