#pragma once

#include <vector>

#include "llsa/attention.hpp"
#include "reference/dense.hpp"

namespace llsa::reference {

/// The oracle for the whole definition: every stage of spec sections 2 to 6 written from its formula in double, query
/// by query, without tiles, threads or sharing. Slow (O(Nq * keys * D)) and independent of the fast stages.

/// Means of the fine tokens, level l at `[l - 1]`, each `[batch, heads, T_l, dim]`.
std::vector<Tensor<double>> naive_pool(TensorView<const double> x, const Hierarchy& hierarchy);

/// Brute force: every candidate scored and sorted (score descending, ties to the lower index, NaN last).
Selection naive_select(const std::vector<Tensor<double>>& query, const std::vector<Tensor<double>>& key,
                       const ResolvedOptions& options);

/// One member of a query's key set: a token of some level with its softmax weight.
struct AttendedKey : LevelToken {
  double weight = 1;
};

/// The key set of fine query `i` (spec sections 4 and 6), in the order fine, level 1, ..., level Le.
std::vector<AttendedKey> naive_key_set(const Selection& selection, const ResolvedOptions& options, std::int64_t head,
                                       std::int64_t i);

NaiveOutputs naive_forward(const AttentionInputs<double>& inputs, const Selection& selection,
                           const ResolvedOptions& options);
NaiveGradients naive_backward(const AttentionInputs<double>& inputs, const Selection& selection,
                              const ResolvedOptions& options, const AttentionOutputGradients<double>& output_gradients);

}  // namespace llsa::reference
