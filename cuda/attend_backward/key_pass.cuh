#pragma once

#include "cuda/attend_backward/key_aligned_kernel.cuh"
#include "cuda/attend_backward/key_fma_kernel.cuh"
#include "cuda/attend_backward/key_tensor_kernel.cuh"
#include "cuda/attend_backward/query_pass.cuh"
#include "cuda/attend_backward/workspace.cuh"
#include "cuda/launch.cuh"

// The key-major launchers that `attend_backward` and the mask-based baseline share.
namespace llsa::cuda::inline LLSA_WORLD {

template <class Kernel, class T>
void launch_key_fma(const KeyGradientParams<T>& params, Stream stream) {
  const AttendProblem<T>& p = params.problem;
  launch<Kernel>("attend_backward: dK, dV",
                 {.blocks = {grid_size(p.levels.heads * params.plan.blocks_per_head())},
                  .threads = {Kernel::threads},
                  .shared_bytes = typename Kernel::Layout(p.head_dim, p.value_dim).bytes},
                 stream, params);
}

template <class Kernel, class T>
void launch_key_tensor(KeyGradientParams<T> params, Stream stream) {
  const std::size_t limit = shared_memory_limit(stream);
  const int tile_keys = params.plan.tile_keys, least = 16 * 64 / tile_keys;
  const auto bytes = [&] { return typename Kernel::Layout(tile_keys, params.stages).bytes; };
  // The best first; the last is left to the launch to refuse.
  for (const QueryStages stages : {QueryStages{64, 2}, {32, 2}, {64, 1}, {32, 1}, {16, 1}}) {
    if (stages.columns < least) continue;
    params.stages = stages;
    if (bytes() <= limit) break;
  }
  const std::int64_t blocks = params.problem.levels.heads * params.plan.blocks_per_head() * Kernel::parts;
  launch<Kernel>("attend_backward: dK, dV",
                 {.blocks = {grid_size(blocks)}, .threads = {Kernel::threads}, .shared_bytes = bytes()}, stream,
                 params);
}

template <class Kernel, class T>
void launch_key_aligned(KeyGradientParams<T> params, Stream stream) {
  params.stages = {16 * Kernel::runs, Kernel::fitting_stages(shared_memory_limit(stream))};
  const std::int64_t items = params.problem.levels.heads * params.plan.blocks_per_head();
  launch<Kernel>("attend_backward: dK, dV",
                 {.blocks = {grid_size((items + Kernel::teams - 1) / Kernel::teams)},
                  .threads = {Kernel::threads},
                  .shared_bytes = typename Kernel::Layout(params.stages.count).bytes},
                 stream, params);
}

/// One level; the plan must have the tile size of the kernel. `Queries` says where a key's queries come from.
template <class Queries, class T>
void launch_key_gradient(const KeyGradientParams<T>& params, Stream stream) {
  const int dim = max(params.problem.head_dim, params.problem.value_dim);
  if constexpr (std::is_same_v<T, float>) {
    if (dim <= 64) return launch_key_fma<KeyGradientFma<T, 64, Queries>>(params, stream);
    if (dim <= 128) return launch_key_fma<KeyGradientFma<T, 128, Queries>>(params, stream);
    launch_key_fma<KeyGradientFma<T, 256, Queries>>(params, stream);
  } else {
    // The baseline is not tuned: it takes the kernels that do everything, of which there are few.
    if constexpr (Queries::tuned)
      if (dim <= 128 && is_aligned(params.problem))
        return with_tensor_dim(dim, [&](auto padded) {
          if constexpr (padded <= 128) {
            if (params.plan.tile_keys == 64)
              return launch_key_aligned<KeyGradientAligned<T, padded, 4>>(params, stream);
            if (params.plan.tile_keys == 32)
              return launch_key_aligned<KeyGradientAligned<T, padded, 2>>(params, stream);
            launch_key_aligned<KeyGradientAligned<T, padded, 1>>(params, stream);
          }
        });
    if (Queries::tuned && !(params.problem.disjoint && params.plan.level > 0))
      with_tensor_dim(dim, [&](auto padded) {
        if constexpr (Queries::tuned) launch_key_tensor<KeyGradientTensor<T, padded, Queries, false>>(params, stream);
      });
    else if (dim <= 64)
      launch_key_tensor<KeyGradientTensor<T, 64, Queries, true>>(params, stream);
    else
      launch_key_tensor<KeyGradientTensor<T, 256, Queries, true>>(params, stream);
  }
}

template <class T>
void launch_add_parts(const KeyGradientParams<T>& params, Stream stream) {
  const KeyPlan& plan = params.plan;
  if (plan.places == 0) return;
  const int chunks = AddParts<T>::chunks(plan, params.problem.head_dim + params.problem.value_dim);
  const std::int64_t blocks = params.problem.levels.heads * plan.parents * plan.tiles_per_parent * chunks;
  launch<AddParts<T>>("attend_backward: add parts", {.blocks = {grid_size(blocks)}, .threads = {AddParts<T>::threads}},
                      stream, params);
}

/// What the key-major kernels of one level are given, but for the mask.
template <class T>
KeyGradientParams<T> key_params(const AttendBackwardParams<T>& params, const BackwardWorkspace& workspace, int level,
                                bool split) {
  const Levels& levels = params.problem.levels;
  const int tile_keys = std::is_same_v<T, float> ? FmaTile::rows : tensor_tile_keys(levels, level);
  const KeyPlan plan = make_key_plan(levels, level, tile_keys, split);
  const bool listed = plan.listed, inherits = plan.level < levels.enrichment_levels;
  const Level& above = levels.level[plan.level + (listed ? 1 : 0)];
  return {.problem = params.problem,
          .plan = plan,
          .stages = {},
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
