#pragma once

#include <functional>
#include <string>
#include <vector>

#include "llsa/attention.hpp"
#include "support/case.hpp"
#include "support/verdict.hpp"

namespace llsa::testing {

/// A sentence that is true of every correct implementation for every case. `holds` bends the case to what the sentence
/// is about (never discards it), runs the implementation and judges the results.
template <class T>
struct Property {
  std::string sentence;  ///< as a test's name: words joined by underscores
  std::function<Verdict(Attention<T>&, const Case&)> holds;
};

/// All that serve storage type T, float or double: pass each to `register_properties`, or call one with a chosen case.
template <class T>
std::vector<Property<T>> attention_properties();

// By topic, one file each.
template <class T>
std::vector<Property<T>> oracle_properties();  ///< equal to the formulas
template <class T>
std::vector<Property<T>> selection_properties();  ///< spec section 3
template <class T>
std::vector<Property<T>> coverage_properties();  ///< when it equals dense attention; key multisets (4, 6)
template <class T>
std::vector<Property<T>> invariance_properties();  ///< convexity, shifts, permutations
template <class T>
std::vector<Property<T>> bitwise_properties();  ///< runs, heads, strides
template <class T>
std::vector<Property<T>> non_finite_properties();  ///< NaN and infinity reach those that attend to them, only
template <class T>
std::vector<Property<T>> gradient_properties();  ///< central differences, sums
template <class T>
std::vector<Property<T>> group_properties();  ///< query heads that share key heads (9)

/// Both implementations give the same bits: for thread counts, devices, executors.
template <class T>
Verdict same_results(Attention<T>& one, Attention<T>& other, const Case& c);

/// A half-precision implementation does what the float one does on its converted inputs, rounded at the end.
/// T is half or bfloat16.
template <class T>
Verdict rounds_the_float_results(Attention<T>& narrow, Attention<float>& wide, const Case& c);

/// Outputs and gradients of a half type against the oracle, within what dense attention by the same implementation errs
/// by (compare/allowance.hpp). T is half or bfloat16.
template <class T>
Verdict errs_little_more_than_dense_attention(Attention<T>& attention, const Case& c);

/// A control of the property above: on a case with long lists and without coarse keys it rejects, tensor by tensor, a
/// run whose lists lost their last fifth, and one that lost the gradient of one key. A fixed tolerance that holds for
/// every problem once let both through.
template <class T>
Verdict lost_blocks_and_gradients_are_seen(Attention<T>& attention, const Case& c);

}  // namespace llsa::testing
