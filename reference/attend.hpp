#pragma once

#include "llsa/attention.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// Attention over fine blocks and enriched coarse keys, spec sections 4 and 6, for a given selection. Writes O and LSE.
/// `key` and `value` are the pyramids of `inputs.key` and `inputs.value`. Online softmax over runs of keys, so memory
/// beyond the arguments does not grow with N. `levels == 0` is dense attention, tiled.
template <class T>
void attend(const AttentionInputs<T>& inputs, const Pyramid<Accumulate<T>>& key, const Pyramid<Accumulate<T>>& value,
            const Selection& selection, const ResolvedOptions& options, const AttentionOutputs<T>& outputs,
            ThreadPool& threads);

}  // namespace llsa::reference
