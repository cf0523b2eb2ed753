#include "cuda/attend_backward/query_aligned_kernel.cuh"
#include "cuda/attend_backward/query_fma_kernel.cuh"
#include "cuda/attend_backward/query_pass.cuh"
#include "cuda/attend_backward/query_tensor_kernel.cuh"
#include "cuda/launch.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

template <class T>
void check(const char* what, const AttendBackwardParams<T>& params, bool transposed) {
  check(what, params.problem);
  check_pointer(what, "O", params.d_output);
  check_pointer(what, "LSE", params.d_lse);
  check_pointer(what, "dO", params.d_output_gradient);
  check_pointer(what, "dLSE", params.d_lse_gradient, false);
  check_pointer(what, "dQ", params.d_query_gradient);
  check_pointer(what, "dK", params.d_key_gradient);
  check_pointer(what, "dV", params.d_value_gradient);
  if (!transposed || params.problem.levels.levels == 0) return;
  check_pointer(what, "the offsets of the transposed selection", params.d_offsets);
  check_pointer(what, "the transposed selection", params.d_query_indices);
}

namespace {

template <class T>
void launch_statistics(const AttendBackwardParams<T>& params, QueryStatistics* d_statistics, Stream stream) {
  using Kernel = StatisticsKernel<T>;
  const Levels& levels = params.problem.levels;
  const StatisticsParams<T> kernel_params{.rows = levels.heads * levels.level[0].queries,
                                          .value_dim = params.problem.value_dim,
                                          .lanes = Kernel::lanes(params.problem.value_dim),
                                          .d_output = params.d_output,
                                          .d_output_gradient = params.d_output_gradient,
                                          .d_lse = params.d_lse,
                                          .d_lse_gradient = params.d_lse_gradient,
                                          .d_statistics = d_statistics};
  const std::int64_t blocks = (kernel_params.rows * kernel_params.lanes + Kernel::threads - 1) / Kernel::threads;
  launch<Kernel>("attend_backward: statistics", {.blocks = {grid_size(blocks)}, .threads = {Kernel::threads}}, stream,
                 kernel_params);
}

template <class Kernel, class T>
void launch_query_fma(const QueryGradientParams<T>& params, Stream stream) {
  const AttendProblem<T>& p = params.problem;
  launch<Kernel>("attend_backward: dQ",
                 {.blocks = {grid_size(p.levels.heads * QueryRows::per_head(p.levels))},
                  .threads = {Kernel::threads},
                  .shared_bytes = typename Kernel::Layout(p.head_dim, p.value_dim).bytes},
                 stream, params);
}

template <class Kernel, class T>
void launch_query_aligned(const QueryGradientParams<T>& params, Stream stream) {
  using Tile = typename Kernel::Tile;
  const Levels& levels = params.problem.levels;
  const auto shape = Tile::fitting(levels, shared_memory_limit(stream));
  launch<Kernel>("attend_backward: dQ",
                 {.blocks = {grid_size(Tile::blocks(levels, shape.warps))},
                  .threads = {static_cast<unsigned>(32 * shape.warps)},
                  .shared_bytes = shape.shared_bytes()},
                 stream, AlignedQueryGradientParams<T>{params, shape.stages});
}

template <class Kernel, class T>
void launch_query_tensor(const QueryGradientParams<T>& params, Stream stream) {
  using Tile = typename Kernel::Tile;
  const Levels& levels = params.problem.levels;
  const int warps = Tile::fitting_warps(levels, shared_memory_limit(stream));
  launch<Kernel>("attend_backward: dQ",
                 {.blocks = {grid_size(Tile::blocks(levels, warps))},
                  .threads = {static_cast<unsigned>(32 * warps)},
                  .shared_bytes = Tile::shared_bytes(warps)},
                 stream, params);
}

template <class T>
void launch_query_gradient(const QueryGradientParams<T>& params, Stream stream) {
  const AttendProblem<T>& p = params.problem;
  if constexpr (std::is_same_v<T, float>) {
    if (p.head_dim <= 64) return launch_query_fma<QueryGradientFma<T, 64>>(params, stream);
    if (p.head_dim <= 128) return launch_query_fma<QueryGradientFma<T, 128>>(params, stream);
    launch_query_fma<QueryGradientFma<T, 256>>(params, stream);
  } else {
    with_tensor_dim(max(p.head_dim, p.value_dim), [&](auto dim) {
      if constexpr (dim <= 128)
        if (is_aligned(p)) return launch_query_aligned<QueryGradientAligned<T, dim>>(params, stream);
      launch_query_tensor<QueryGradientTensor<T, dim>>(params, stream);
    });
  }
}

}  // namespace

template <class T>
void query_pass(const AttendBackwardParams<T>& params, QueryStatistics* d_statistics, Stream stream) {
  launch_statistics(params, d_statistics, stream);
  launch_query_gradient<T>({params.problem, params.d_output_gradient, d_statistics, params.d_query_gradient,
                            params.problem.scale * log2_of_e},
                           stream);
}

#define LLSA_INSTANTIATE(T)                                               \
  template void check(const char*, const AttendBackwardParams<T>&, bool); \
  template void query_pass(const AttendBackwardParams<T>&, QueryStatistics*, Stream);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::cuda::inline LLSA_WORLD
