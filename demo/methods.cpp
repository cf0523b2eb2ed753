#include "demo/methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "compare/comparator.hpp"
#include "compare/keys_per_query.hpp"
#include "compare/seconds_of.hpp"
#include "compare/statistics.hpp"
#include "reference/dense.hpp"

namespace llsa::demo {
namespace {

constexpr int timed_runs = 3;

AttentionInputs<float> inputs_of(const datasets::PixelTokens& tokens) {
  return {tokens.query.view(), tokens.key.view(), tokens.value.view()};
}

AttentionOutputs<float> outputs_of(MethodResult& result) { return {result.output.view(), result.lse.view()}; }

void run_dense(MethodResult& result, const datasets::PixelTokens& tokens, ThreadPool& threads) {
  result.options = resolve(Options{.levels = 0}, tokens.query.shape(), tokens.key.shape(), tokens.value.shape());
  result.runs = 1;
  result.seconds = compare::seconds_of(
      [&] { reference::dense_tiled<float>(inputs_of(tokens), result.options.scale, outputs_of(result), threads); });
  result.keys_per_query = static_cast<double>(tokens.key.shape().tokens);
}

void run_sparse(MethodResult& result, const datasets::PixelTokens& tokens, Attention<float>& attention) {
  std::unique_ptr<AttentionState> state;
  std::vector<double> times;
  for (result.runs = 0; result.runs < timed_runs; ++result.runs)
    times.push_back(compare::seconds_of(
        [&] { state = attention.forward(inputs_of(tokens), *result.method.options, outputs_of(result)); }));
  result.seconds = compare::median(times);
  result.options = state->options();
  result.selection = state->selection();
  result.keys_per_query = compare::keys_per_query(result.selection, result.options, tokens.query.shape().heads);
}

/// Leaving out the coarse keys leaves the fine ones' sum of exponentials in the LSE; against dense attention's it is
/// the probability that dense attention gives to these keys. Exact for every query, without a dense matrix.
double mass_on_fine_keys(const MethodResult& result, const MethodResult& dense, const datasets::PixelTokens& tokens,
                         Attention<float>& attention) {
  Options options = *result.method.options;
  options.enrichment_levels = 0;
  Tensor<float> output(result.output.shape()), lse(result.lse.shape());
  attention.forward(inputs_of(tokens), options, {output.view(), lse.view()}, &result.selection);
  double sum = 0;
  for (std::size_t i = 0; i < lse.flat().size(); ++i)
    sum += std::exp(static_cast<double>(lse.flat()[i]) - static_cast<double>(dense.lse.flat()[i]));
  return sum / static_cast<double>(lse.flat().size());
}

void compare_with_dense(MethodResult& result, const MethodResult& dense) {
  const compare::Comparison comparison = compare::compare(compare::in_double(result.output.cview()).view(),
                                                          compare::in_double(dense.output.cview()).view());
  result.relative_l2 = comparison.relative_l2;
  result.cosine = comparison.cosine;
  double sum = 0;
  for (std::size_t i = 0; i < result.lse.flat().size(); ++i) {
    const double error = std::abs(static_cast<double>(result.lse.flat()[i]) - static_cast<double>(dense.lse.flat()[i]));
    sum += error;
    result.max_lse_error = std::max(result.max_lse_error, error);
  }
  result.mean_lse_error = sum / static_cast<double>(result.lse.flat().size());
}

Options in_coverage(Options options, Coverage coverage) {
  options.coverage = coverage;
  return options;
}

/// Top-K blocks alone, with as many keys as LLSA in overlapping coverage meets, rounded up to whole blocks: the blocks
/// of fine keys, and at every level the candidates.
Method blocks_as_many_as(const Options& options, std::int64_t tokens) {
  const int levels = options.levels.value();
  const Hierarchy hierarchy(tokens, options.block_size, levels);
  const auto k = [&](int level) {
    return options.top_k[options.top_k.size() == 1 ? 0 : static_cast<std::size_t>(level - 1)];
  };
  std::int64_t blocks = (hierarchy.length(levels) + options.block_size - 1) / options.block_size;
  for (int level = 1; level <= levels; ++level) blocks += k(level);
  return {fmt::format("top-{} blocks only", blocks), Options{.block_size = options.block_size,
                                                             .levels = 1,
                                                             .top_k = {blocks},
                                                             .enrichment_levels = 0,
                                                             .scale = options.scale}};
}

Method llsa_method(const Options& options) {
  return {
      fmt::format("LLSA, {} level{}, {}", *options.levels, *options.levels == 1 ? "" : "s", name_of(options.coverage)),
      options};
}

}  // namespace

std::vector<Method> methods_around(const Options& options, std::int64_t tokens) {
  const bool overlapping = options.coverage == Coverage::overlapping;
  return {{"dense attention", std::nullopt},
          llsa_method(options),
          llsa_method(in_coverage(options, overlapping ? Coverage::disjoint : Coverage::overlapping)),
          blocks_as_many_as(options, tokens)};
}

std::vector<Method> methods_to_compare(std::int64_t tokens, std::int64_t top_k) {
  std::vector<Method> methods = methods_around({.levels = 1, .top_k = {top_k}}, tokens);
  methods.pop_back();
  const std::vector<Method> two = methods_around({.levels = 2, .top_k = {top_k}}, tokens);
  methods.insert(methods.end(), two.begin() + 1, two.end());
  return methods;
}

std::vector<MethodResult> run_methods(const datasets::PixelTokens& tokens, const std::vector<Method>& methods,
                                      Attention<float>& attention, ThreadPool& threads,
                                      const std::function<void(const std::string&)>& progress) {
  const Shape& shape = tokens.query.shape();
  std::vector<MethodResult> results;
  results.reserve(methods.size());
  for (const Method& method : methods) {
    progress(method.name);
    MethodResult& result = results.emplace_back();
    result.method = method;
    const float unwritten = std::numeric_limits<float>::quiet_NaN();
    result.output = Tensor<float>(tokens.value.shape(), unwritten);
    result.lse = Tensor<float>({shape.batch, shape.heads, shape.tokens, 1}, unwritten);
    if (!method.options) {
      run_dense(result, tokens, threads);
      continue;
    }
    run_sparse(result, tokens, attention);
    compare_with_dense(result, results.front());
    result.fine_mass = mass_on_fine_keys(result, results.front(), tokens, attention);
  }
  return results;
}

std::vector<float> error_per_pixel(const MethodResult& result, const MethodResult& dense, const TokenOrder& order) {
  const Shape& shape = result.output.shape();
  std::vector<float> errors(static_cast<std::size_t>(shape.tokens));
  for (std::int64_t i = 0; i < shape.tokens; ++i) {
    double difference = 0, norm = 0;
    for (std::int64_t head = 0; head < shape.heads; ++head)
      for (std::int64_t d = 0; d < shape.dim; ++d) {
        const double want = dense.output(0, head, i, d), got = result.output(0, head, i, d);
        difference += (got - want) * (got - want);
        norm += want * want;
      }
    errors[static_cast<std::size_t>(order.to_raster()[static_cast<std::size_t>(i)])] =
        static_cast<float>(norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference));
  }
  return errors;
}

}  // namespace llsa::demo
