#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "llsa/extra_input.hpp"
#include "llsa/options.hpp"

namespace llsa {

/// A *method* is what is computed, a *backend* who computes it. Besides "llsa" (spec sections 2 to 6) these are the
/// baselines of spec section 8:
///   "full"                         dense attention: L = 0
///   "topk"                         block-sparse top-K attention: L = 1, Le = 0
///   "topk+enrichment"              with coarse keys: L = 1, Le = 1, no reweighting
///   "topk+enrichment+reweighting"  and with their weights
///   "vsa"                          "topk" plus dense attention over the mean-pooled tokens, gated
///   "sla"                          "topk" plus projected linear attention over all keys
///   "llsa+mask-backward"           "llsa" with its backward driven by a dense block mask: equal results, O(N^2) cost
std::vector<std::string> method_names();

/// Throws `Error` that lists `method_names()` unless `method` is one of them.
void check_method(std::string_view method);

/// The options that `method` runs with: levels, enrichment and reweighting are the method's (above), of `top_k` the
/// level-1 number is kept, block size, coverage and scale stay. "vsa" and "sla": those of their "topk" branch. "llsa"
/// and "llsa+mask-backward": unchanged. Throws `Error` that lists `method_names()` for another name.
Options method_options(std::string_view method, Options options);

/// The further inputs of a method for Q of shape `query` and V of shape `value`:
///   "sla": "w_p" `[1, 1, Dv, Dv]` (output feature, input feature) and "b_p" `[1, 1, 1, Dv]`, both zero when absent;
///   "vsa": "gate_sparse" and "gate_coarse" `[batch, heads, Nq, 1]`, one when absent;
///   all others: none. Throws `Error` that lists `method_names()` for another name.
std::vector<ExtraInput> method_extras(std::string_view method, const Shape& query, const Shape& value);

}  // namespace llsa
