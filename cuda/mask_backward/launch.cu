#include "cuda/attend_backward/key_pass.cuh"
#include "cuda/mask_backward/launch.hpp"
#include "cuda/mask_backward/mask.cuh"
#include "cuda/memory.hpp"
#include "cuda/workspace.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

std::size_t mask_backward_workspace(const Levels& levels, int head_dim, int value_dim) {
  return BackwardWorkspace(levels, head_dim, value_dim, true).bytes;
}

namespace {

/// The mask of the lists of `level`.
template <class T>
void build_mask(const AttendProblem<T>& p, int level, std::uint8_t* d_mask, Stream stream) {
  const Level& at = p.levels.level[level];
  const std::int64_t rows = p.levels.heads * at.queries;
  fill_device(d_mask, 0, static_cast<std::size_t>(rows * at.keys), stream);
  const std::int64_t blocks = (rows * at.width + MarkMask::threads - 1) / MarkMask::threads;
  launch<MarkMask>("mask_backward: mask", {.blocks = {grid_size(blocks)}, .threads = {MarkMask::threads}}, stream,
                   MaskParams{at, p.levels.heads, p.d_lists + at.list, d_mask});
}

}  // namespace

template <class T>
void mask_backward(const AttendBackwardParams<T>& params, void* d_workspace, std::size_t workspace_bytes,
                   Stream stream) {
  const AttendProblem<T>& p = params.problem;
  check("mask_backward", params, false);
  const BackwardWorkspace workspace(p.levels, p.head_dim, p.value_dim, true, d_workspace);
  check_workspace("mask_backward", d_workspace, workspace_bytes, workspace.bytes);
  query_pass(params, workspace.d_statistics, stream);
  for (int level = p.levels.enrichment_levels; level >= 0; --level) {
    auto level_params = key_params(params, workspace, level, false);
    if (level_params.plan.listed) build_mask(p, level + 1, workspace.d_mask, stream);
    level_params.d_mask = workspace.d_mask;
    launch_key_gradient<MaskedQueries>(level_params, stream);
    launch_add_parts(level_params, stream);
  }
}

#define LLSA_INSTANTIATE(T) template void mask_backward(const AttendBackwardParams<T>&, void*, std::size_t, Stream);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::cuda::inline LLSA_WORLD
