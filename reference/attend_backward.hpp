#pragma once

#include "llsa/attention.hpp"
#include "reference/key_queries.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// The exact gradient of `attend` with the selection held constant and pooling differentiated, spec section 5.
/// dQ is computed query-major; dK and dV key-major from the transposed selection, one level at a time, each level's
/// gradient unpooled onto the fine tokens. Overwrites `gradients`. No N x N or T x T array is built, unless `how` asks for
/// the mask-based baseline.
template <class T>
void attend_backward(const AttentionInputs<T>& inputs, const Pyramid<Accumulate<T>>& key,
                     const Pyramid<Accumulate<T>>& value, const Selection& selection, const ResolvedOptions& options,
                     const AttentionOutputs<T>& outputs, const AttentionOutputGradients<T>& output_gradients,
                     const AttentionGradients<T>& gradients, ThreadPool& threads,
                     KeyMajor how = KeyMajor::transposed_lists);

/// dK and dV split by where they come from: `[0]` through the fine keys, `[l]` through the enriched keys of level l,
/// already unpooled. They sum to the full gradient. For `llsa-compare verify`.
struct GradientParts {
  std::vector<Tensor<double>> key, value;
};
GradientParts attend_backward_parts(const AttentionInputs<double>& inputs, const Pyramid<double>& key,
                                    const Pyramid<double>& value, const Selection& selection,
                                    const ResolvedOptions& options, const AttentionOutputs<double>& outputs,
                                    const AttentionOutputGradients<double>& output_gradients, ThreadPool& threads);

}  // namespace llsa::reference
