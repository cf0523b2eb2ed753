#include "reference/dense.hpp"

#include "reference/attend.hpp"

namespace llsa::reference {

template <class T>
void dense_tiled(const AttentionInputs<T>& inputs, double scale, const AttentionOutputs<T>& outputs,
                 ThreadPool& threads) {
  const Options dense{.levels = 0, .scale = scale};
  const ResolvedOptions options = resolve(dense, inputs.query.shape, inputs.key.shape, inputs.value.shape);
  check_outputs(inputs, outputs);
  const Pyramid<Accumulate<T>> none;
  const Selection no_lists;
  attend<T>({{inputs.query, inputs.key, inputs.value, none, none, no_lists, options}, outputs.output, outputs.lse},
            threads);
}

template void dense_tiled(const AttentionInputs<float>&, double, const AttentionOutputs<float>&, ThreadPool&);
template void dense_tiled(const AttentionInputs<double>&, double, const AttentionOutputs<double>&, ThreadPool&);
template void dense_tiled(const AttentionInputs<half>&, double, const AttentionOutputs<half>&, ThreadPool&);
template void dense_tiled(const AttentionInputs<bfloat16>&, double, const AttentionOutputs<bfloat16>&, ThreadPool&);

}  // namespace llsa::reference
