#pragma once

#include <memory>
#include <string>
#include <vector>

#include "llsa/attention.hpp"

namespace llsa::compare {

/// A further input of a method (`method_extras`), or the gradient with respect to one.
template <class T>
struct NamedExtra {
  std::string name;
  Tensor<T> tensor;  ///< empty when the input was left out
};

/// One attention problem with its data: what `run`, `check` and `verify` work on. T is a storage type.
template <class T>
struct Problem {
  Tensor<T> query, key, value;  ///< `[batch, H, Nq, D]`, `[batch, Hk, Nk, D]`, `[batch, Hk, Nk, Dv]`
  /// dO `[batch, H, Nq, Dv]` and dLSE `[batch, H, Nq, 1]`; empty (no elements) when not given.
  Tensor<T> output_gradient;
  Tensor<Accumulate<T>> lse_gradient;
  Options options;
  std::vector<NamedExtra<T>> extras = {};  ///< all of the method's; none for LLSA

  AttentionInputs<T> inputs() const {
    AttentionInputs<T> all{query.view(), key.view(), value.view()};
    for (const NamedExtra<T>& extra : extras)
      if (!extra.tensor.flat().empty()) all.extras.push_back({extra.name, extra.tensor.view()});
    return all;
  }
  bool has_gradient() const { return !output_gradient.flat().empty(); }
  bool has_lse_gradient() const { return !lse_gradient.flat().empty(); }
  AttentionOutputGradients<T> output_gradients() const {
    return {output_gradient.view(), has_lse_gradient() ? lse_gradient.view() : TensorView<const Accumulate<T>>{}};
  }
  ResolvedOptions resolved() const { return resolve(options, query.shape(), key.shape(), value.shape()); }
  /// Of the queries.
  std::int64_t head_count() const { return query.shape().batch * query.shape().heads; }
};

/// Rounded to T, element by element.
template <class T>
Tensor<T> converted(const Tensor<double>& tensor);
template <class T>
Problem<T> converted(const Problem<double>& problem);
/// The problem that an implementation which stores T sees, in double: what its results are held against.
template <class T>
Problem<double> as_stored(const Problem<double>& problem);

/// Everything one implementation computed for a problem. The gradients are empty when the problem has none.
template <class T>
struct Outcome {
  Tensor<T> output;
  Tensor<Accumulate<T>> lse;  ///< `[batch, heads, Nq, 1]`
  Tensor<T> query_gradient, key_gradient, value_gradient;
  ResolvedOptions options;
  Selection selection;
  std::vector<NamedExtra<T>> extra_gradients = {};  ///< one for each of the problem's extras
};

/// Forward, and backward when the problem has an output gradient. Outputs are filled with NaN first, so that what an
/// implementation forgets to write shows. `given` as in `Attention::forward`.
template <class T>
Outcome<T> run_attention(Attention<T>& attention, const Problem<T>& problem, const Selection* given = nullptr);

/// Rough sizes of the terms that a result is summed from, by which results that cancel to zero are judged (see
/// `CompareOptions::floor`), and the largest score.
struct Magnitudes {
  double output = 0, lse = 1, query_gradient = 0, key_gradient = 0, value_gradient = 0;
  double largest_score = 0;  ///< scale * max|Q_i| * max|K_j|, over finite rows
};
Magnitudes magnitudes_of(const Problem<double>& problem);

/// The largest Euclidean norm of a token's vector, over finite ones; 0 when there is none.
double largest_row(const Tensor<double>& tensor);

}  // namespace llsa::compare
