#include "compare/check/corruptions.hpp"

#include <algorithm>
#include <cmath>

#include "compare/verify/gradient_parts.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::check {
namespace {

using verify::Definition;
using verify::DefinitionEvaluator;

HeadView<double> head_of(Victim& v) {
  Tensor<double>& t = v.tensor();
  return t.view().head(v.random.below(t.shape().batch * t.shape().heads));
}

void one_row(Victim& v, double size) {
  const double rms = v.rms();
  const auto head = head_of(v);
  const std::int64_t t = v.random.below(head.tokens);
  for (std::int64_t d = 0; d < head.dim; ++d) head(t, d) += size * rms * v.random.normal();
}

void one_element(Victim& v, double size) {
  const double rms = v.rms();
  const auto head = head_of(v);
  double& x = head(v.random.below(head.tokens), v.random.below(head.dim));
  x += x < 0 ? -size * rms : size * rms;
}

void one_head(Victim& v, double size) {
  const double rms = v.rms();
  const auto head = head_of(v);
  for (std::int64_t t = 0; t < head.tokens; ++t)
    for (std::int64_t d = 0; d < head.dim; ++d) head(t, d) += size * rms * v.random.normal();
}

void bias(Victim& v, double size) {
  const double rms = v.rms();
  for (double& x : v.tensor().flat()) x += size * rms;
}

void scale(Victim& v, double size) {
  for (double& x : v.tensor().flat()) x *= 1 + size;
}

void noise(Victim& v, double size) {
  const double allowed = v.noise();
  for (double& x : v.tensor().flat()) x += size * allowed * v.random.normal();
}

void lse_offset(Victim& v, double size) {
  for (double& x : v.outcome.lse.flat()) x += size;
}

void swap_rows(Victim& v, double) {
  const auto head = head_of(v);
  const std::int64_t t = v.random.below(head.tokens);
  // With the row that is least like it: two that are nearly the same may well be swapped.
  std::int64_t other = 0;
  double largest = -1;
  for (std::int64_t i = 0; i < head.tokens; ++i) {
    double distance = 0;
    for (std::int64_t d = 0; d < head.dim; ++d) distance += std::pow(head(t, d) - head(i, d), 2);
    if (distance > largest) largest = distance, other = i;
  }
  for (std::int64_t d = 0; d < head.dim; ++d) std::swap(head(t, d), head(other, d));
}

void swap_heads(Victim& v, double) {
  const Tensor<double>& t = v.tensor();
  const std::int64_t batch = v.random.below(t.shape().batch);
  const auto a = v.tensor().view().head(batch, 0), b = v.tensor().view().head(batch, 1);
  std::swap_ranges(a.data, a.data + a.tokens * a.dim, b.data);
}

/// A block of rows holds what `source` says: one where that makes a difference, since the gradients of keys that nobody
/// selected are small and much alike.
template <class Source>
void fill_block(Victim& v, Source source) {
  const std::int64_t block = v.outcome.options.block_size;
  Tensor<double>& t = v.tensor();
  const Tensor<double> before = t;
  const double visible = v.target == 1 ? 0.1 : v.rms() / 2;
  double largest = 0;
  for (int attempt = 0; attempt < 200 && !(largest > visible); ++attempt) {
    t = before;
    largest = 0;
    const std::int64_t head = v.random.below(t.shape().batch * t.shape().heads);
    const std::int64_t begin = v.random.below(t.shape().tokens / block) * block;
    for (std::int64_t i = begin; i < std::min(begin + block, t.shape().tokens); ++i)
      for (std::int64_t d = 0; d < t.shape().dim; ++d) {
        double& x = t.view().head(head)(i, d);
        x = source(before, head, i, d);
        largest = std::max(largest, std::abs(x - before.view().head(head)(i, d)));
      }
  }
}

void stale_memory(Victim& v, double) {
  const std::int64_t shift = v.outcome.options.block_size * (1 + v.random.below(3));
  fill_block(v, [=](const Tensor<double>& before, std::int64_t head, std::int64_t i, std::int64_t d) {
    return before.view().head(head)((i + shift) % before.shape().tokens, d);
  });
}

void never_written(Victim& v, double) {
  fill_block(v, [](const Tensor<double>&, std::int64_t, std::int64_t, std::int64_t) { return 0.0; });
}

void other_batch_entry(Victim& v, double) {
  fill_block(v, [](const Tensor<double>& before, std::int64_t head, std::int64_t i, std::int64_t d) {
    const Shape& s = before.shape();
    return before.view().head((head + s.heads) % (s.batch * s.heads))(i, d);
  });
}

void not_a_number(Victim& v, double) {
  const auto head = head_of(v);
  head(v.random.below(head.tokens), v.random.below(head.dim)) = std::nan("");
}

/// What a kernel of another definition computes, on the right selection.
void by_definition(Victim& v, const Definition& definition) {
  DefinitionEvaluator evaluator(v.problem, v.outcome.options.levels);
  const std::int64_t heads = v.problem.head_count();
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t i = 0; i < v.problem.query.shape().tokens; ++i) {
      const verify::DefinedRow row = evaluator.row(definition, head, i, &v.outcome.selection);
      if (v.target == 0) std::ranges::copy(row.output, v.outcome.output.view().head(head).row(i));
      if (v.target == 1) v.outcome.lse.view().head(head)(i, 0) = row.lse;
    }
    if (v.target < 2) continue;
    const auto gradients = verify::definition_gradients(evaluator, definition, head, &v.outcome.selection);
    const Tensor<double>& of = v.target == 2 ? gradients.query : v.target == 3 ? gradients.key : gradients.value;
    std::ranges::copy(of.flat(), v.tensor().view().head(head).data);
  }
}

void zero_tail(Victim& v, double) {
  Definition definition = verify::specification(v.outcome.options);
  definition.keys.zero_tail = true;
  by_definition(v, definition);
}

void garbage_tail(Victim& v, double) {
  // As one more key behind the end that holds what a neighbouring tensor does, seen by the rows of the last block.
  const auto head = head_of(v);
  const std::int64_t block = v.outcome.options.block_size, begin = (head.tokens - 1) / block * block;
  const double rms = v.rms();
  for (std::int64_t t = begin; t < head.tokens; ++t)
    for (std::int64_t d = 0; d < head.dim; ++d) head(t, d) = 0.5 * head(t, d) + rms * v.random.normal();
}

void last_writer(Victim& v, double) {
  Definition definition = verify::specification(v.outcome.options);
  definition.last_writer_wins = true;
  v.target = 3 + v.target % 2;
  by_definition(v, definition);
}

void wrong_strides(Victim& v, double) {
  Problem<double> other = v.problem;
  const Shape s = other.output_gradient.shape();
  std::size_t n = 0;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t)
        for (std::int64_t d = 0; d < s.dim; ++d)
          other.output_gradient.flat()[n++] =
              v.problem.output_gradient
                  .flat()[static_cast<std::size_t>(((b * s.tokens + t) * s.heads + h) * s.dim + d)];
  reference::ReferenceAttention<double> attention(v.threads);
  Outcome<double> outcome = run_attention<double>(attention, other, &v.outcome.selection);
  if (v.target <= 2) v.outcome.query_gradient = std::move(outcome.query_gradient);
  if (v.target == 3) v.outcome.key_gradient = std::move(outcome.key_gradient);
  if (v.target == 4) v.outcome.value_gradient = std::move(outcome.value_gradient);
}

/// One query block attends to the worst of its candidates instead of the best, consistently.
void wrong_selection(Victim& v, double) {
  const ResolvedOptions& o = v.outcome.options;
  const std::int64_t head = v.random.below(v.problem.head_count()), block = v.random.below(o.query.length(1));
  DefinitionEvaluator evaluator(v.problem, o.levels);
  std::vector<std::int32_t> allowed;
  candidates(v.outcome.selection, o, 1, head, block, allowed);
  const auto list = v.outcome.selection.list(1, head, block);
  if (allowed.size() == list.size()) return;
  // The lowest in the order of the definition: a list of all candidates ends with it.
  Definition all = verify::specification(o);
  all.options.top_k[0] = static_cast<std::int64_t>(allowed.size());
  const auto ranked = evaluator.lists(all, head, block * o.block_size)[1];
  v.outcome.selection.level(1).row(head, block)[0] = ranked.back();
  reference::ReferenceAttention<double> attention(v.threads);
  const Selection lists = v.outcome.selection;
  v.outcome = run_attention<double>(attention, v.problem, &lists);
}

}  // namespace

Tensor<double>& Victim::tensor() {
  switch (target) {
    case 0:
      return outcome.output;
    case 1:
      return outcome.lse;
    case 2:
      return outcome.query_gradient;
    case 3:
      return outcome.key_gradient;
    default:
      return outcome.value_gradient;
  }
}

double Victim::rms() {
  double sum = 0;
  for (const double x : tensor().flat()) sum += x * x;
  return std::sqrt(sum / static_cast<double>(tensor().flat().size()));
}

double Victim::noise() {
  const Tolerance* of[] = {&allowed.output, &allowed.lse, &allowed.query_gradient, &allowed.key_gradient,
                           &allowed.value_gradient};
  return of[target]->relative_l2 * (target == 1 ? 1 : rms());
}

std::vector<Corruption> corruptions() {
  const std::vector<double> none{0}, sizes{0.001, 0.01, 0.1, 1};
  return {
      {"one element is off", sizes, one_element, 1},
      {"one row is off (noise)", sizes, one_row, 1},
      {"one head is off (noise)", sizes, one_head, 0.1},
      {"a bias on all elements", sizes, bias, 0.1},
      {"all elements times 1 + size", sizes, scale, 0.1},
      {"noise, size times what is allowed", {1, 2, 4}, noise, 4},
      {"lse off by a constant (absolute)", {0.001, 0.01, 0.1}, lse_offset, 0.1},
      {"two rows swapped", none, swap_rows, 0},
      {"two heads swapped", none, swap_heads, 0},
      {"a block holds another block's rows", none, stale_memory, 0},
      {"a block holds zeros", none, never_written, 0},
      {"a block of another batch entry", none, other_batch_entry, 0},
      {"NaN in one element", none, not_a_number, 0},
      {"tail keys read as zeros", none, zero_tail},
      {"tail keys read as garbage", none, garbage_tail, 0},
      {"dk, dv: the last writer wins", none, last_writer, 0},
      {"grad_output read with wrong strides", none, wrong_strides, 0},
      {"one block selects its worst candidate", none, wrong_selection},
  };
}

}  // namespace llsa::compare::check
