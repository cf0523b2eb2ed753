#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "datasets/pixel_projection.hpp"
#include "llsa/attention.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::demo {

/// One way to attend. Without options: dense attention.
struct Method {
  std::string name = {};
  std::optional<Options> options = {};
};

/// Dense attention, then LLSA with one and two levels in both coverages, then top-K blocks alone (one level, nothing
/// enriched) with about as many keys as LLSA with two levels has: what the coarse keys are worth.
std::vector<Method> methods_to_compare(std::int64_t tokens, std::int64_t top_k);
/// Their places in that list.
enum MethodIndex : std::size_t {
  dense_method,
  one_level,
  one_level_disjoint,
  two_levels,
  two_levels_disjoint,
  blocks_only
};

/// The same around one choice of options with a level or more, all in their own number of levels: dense attention, LLSA
/// with these options, with the other coverage, and top-K blocks alone.
std::vector<Method> methods_around(const Options& options, std::int64_t tokens);

/// What a method computed, and how far it is from dense attention.
struct MethodResult {
  Method method = {};
  ResolvedOptions options = {};
  Selection selection = {};
  Tensor<float> output, lse;
  double seconds = 0;  ///< of one forward pass with selection, all heads: the median of `runs`
  int runs = 0;
  double keys_per_query = 0;
  double relative_l2 = 0, cosine = 1;  ///< of O against dense attention's
  double mean_lse_error = 0, max_lse_error = 0;
  double fine_mass = 1;  ///< the part of dense attention that falls on keys which this method attends to one by one
};

/// Runs every method on the tokens, dense first. `progress` is told what begins.
std::vector<MethodResult> run_methods(const datasets::PixelTokens& tokens, const std::vector<Method>& methods,
                                      Attention<float>& attention, ThreadPool& threads,
                                      const std::function<void(const std::string&)>& progress);

/// Relative L2 error of each token's output over all heads, raster order.
std::vector<float> error_per_pixel(const MethodResult& result, const MethodResult& dense, const TokenOrder& order);

}  // namespace llsa::demo
