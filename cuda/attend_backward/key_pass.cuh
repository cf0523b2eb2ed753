#pragma once

#include "cuda/attend_backward/key_fma_kernel.cuh"
#include "cuda/attend_backward/key_tensor_kernel.cuh"
#include "cuda/attend_backward/query_pass.cuh"
#include "cuda/attend_backward/workspace.cuh"
#include "cuda/launch.cuh"

// The key-major launchers that `attend_backward` and the mask-based baseline share.
namespace llsa::cuda::inline LLSA_WORLD {

template <class Kernel, class T>
void launch_key_kernel(const KeyGradientParams<T>& params, Stream stream) {
  const AttendProblem<T>& p = params.problem;
  launch<Kernel>("attend_backward: dK, dV",
                 {.blocks = {grid_size(p.levels.heads * params.plan.blocks_per_head())},
                  .threads = {Kernel::threads},
                  .shared_bytes = typename Kernel::Layout(p.head_dim, p.value_dim).bytes},
                 stream, params);
}

/// Whether the key-major tensor-core kernels take a level. Where coverage drops pairs of keys and queries, a product
/// over whole tiles would let a NaN of a query reach a key that it does not attend to.
template <class T>
bool key_major_on_tensor_cores(const AttendProblem<T>& p, int level) {
  return fits_tensor_cores(p) && !(p.disjoint && level > 0);
}

/// One level; the plan must have the tile size of the kernel. `Queries` says where a key's queries come from.
template <class Queries, class T>
void launch_key_gradient(const KeyGradientParams<T>& params, Stream stream) {
  const int dim = max(params.problem.head_dim, params.problem.value_dim);
  if constexpr (std::is_same_v<T, float>) {
    if (dim <= 64) return launch_key_kernel<KeyGradientFma<T, 64, Queries>>(params, stream);
    if (dim <= 128) return launch_key_kernel<KeyGradientFma<T, 128, Queries>>(params, stream);
  } else if (key_major_on_tensor_cores(params.problem, params.plan.level)) {
    if (dim == 32) return launch_key_kernel<KeyGradientTensor<T, 32, Queries>>(params, stream);
    if (dim == 64) return launch_key_kernel<KeyGradientTensor<T, 64, Queries>>(params, stream);
    return launch_key_kernel<KeyGradientTensor<T, 128, Queries>>(params, stream);
  }
  launch_key_kernel<KeyGradientFma<T, 256, Queries>>(params, stream);
}

template <class T>
void launch_add_parts(const KeyGradientParams<T>& params, Stream stream) {
  const KeyPlan& plan = params.plan;
  if (plan.places == 0) return;
  const std::int64_t blocks = params.problem.levels.heads * plan.parents * plan.tiles_per_parent;
  launch<AddParts<T>>("attend_backward: add parts", {.blocks = {grid_size(blocks)}, .threads = {AddParts<T>::threads}},
                      stream, params);
}

/// What the key-major kernels of one level are given, but for the mask.
template <class T>
KeyGradientParams<T> key_params(const AttendBackwardParams<T>& params, const BackwardWorkspace& workspace, int level,
                                bool split) {
  const Levels& levels = params.problem.levels;
  const int tile_keys =
      key_major_on_tensor_cores(params.problem, level) ? tensor_tile_keys(levels, level) : FmaTile::rows;
  const KeyPlan plan = make_key_plan(levels, level, tile_keys, split);
  const bool listed = plan.listed, inherits = plan.level < levels.enrichment_levels;
  const Level& above = levels.level[plan.level + (listed ? 1 : 0)];
  return {.problem = params.problem,
          .plan = plan,
          .d_output_gradient = params.d_output_gradient,
          .d_statistics = workspace.d_statistics,
          .d_offsets = listed && params.d_offsets ? params.d_offsets + above.offset : nullptr,
          .d_query_indices = listed && params.d_query_indices ? params.d_query_indices + above.list : nullptr,
          .d_mask = nullptr,
          .d_parts = workspace.d_parts,
          .d_inherited = inherits ? workspace.d_handed_down[(plan.level + 1) % 2] : nullptr,
          .d_handed_down = plan.level > 0 ? workspace.d_handed_down[plan.level % 2] : nullptr,
          .d_key_gradient = params.d_key_gradient,
          .d_value_gradient = params.d_value_gradient};
}

}  // namespace llsa::cuda::inline LLSA_WORLD
