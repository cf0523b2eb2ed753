#pragma once

#include <vector>

#include "llsa/attention.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

/// Dense attention, tiled with an online softmax (FlashAttention style): the speed baseline. The same tile kernels as
/// `attend` over one run of Nk keys. Writes O and LSE.
template <class T>
void dense_tiled(const AttentionInputs<T>& inputs, double scale, const AttentionOutputs<T>& outputs,
                 ThreadPool& threads);

/// One key of an explicit key set: a vector, a value and a weight.
struct WeightedKey {
  std::vector<double> key, value;
  double weight = 1;
};

/// O and LSE of one query over an explicit key set, straight from the formula of spec section 4, in double.
struct NaiveRow {
  std::vector<double> output;
  double lse = 0;
};
NaiveRow naive_row(const std::vector<double>& query, const std::vector<WeightedKey>& keys, double scale);

/// Dense attention straight from the formula, in double, one head after the other: the oracle. O(Nq * Nk).
struct NaiveOutputs {
  Tensor<double> output, lse;
};
NaiveOutputs dense_naive(const AttentionInputs<double>& inputs, double scale);

/// Its gradient, straight from the formula of spec section 5. `output_gradients.lse` may be absent.
struct NaiveGradients {
  Tensor<double> query, key, value;
};
NaiveGradients dense_naive_backward(const AttentionInputs<double>& inputs, double scale,
                                    const AttentionOutputGradients<double>& output_gradients);

}  // namespace llsa::reference
