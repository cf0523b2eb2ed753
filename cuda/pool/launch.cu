#include <algorithm>
#include <type_traits>

#include "cuda/launch.cuh"
#include "cuda/pool/kernel.cuh"
#include "cuda/pool/launch.hpp"
#include "cuda/workspace.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

constexpr std::int64_t shared_bytes = 32 * 1024;  // so that an SM holds enough blocks to hide the loads
constexpr int threads = 256;

std::int64_t length(const Levels& levels, bool of_queries, int level) {
  return of_queries ? levels.level[level].queries : levels.level[level].keys;
}

/// How far one pass reaches from `base`: the highest level whose run of level base + 1 rows fits shared memory.
struct Reach {
  int top;
  std::int64_t rows;
};

Reach reach(const Levels& levels, int dim, int base) {
  const std::int64_t capacity = shared_bytes / (static_cast<std::int64_t>(sizeof(float)) * dim);
  Reach result{base + 1, 1};
  while (result.top < levels.levels && result.rows <= capacity / levels.block_size) {
    result.rows *= levels.block_size;
    ++result.top;
  }
  // Enough rows that every thread has one, where there is room.
  const std::int64_t wanted = std::min<std::int64_t>(threads / (dim / 8), capacity);
  result.rows *= std::max<std::int64_t>(1, wanted / result.rows);
  return result;
}

/// Plans the passes; with `execute` null nothing is launched (the size is asked for).
template <class In, class T>
void run_pass(const PoolParams<T>& params, const In* (&d_in)[3], int (&base)[3], Workspace& workspace,
              const Stream* execute) {
  PoolPass<In, T> pass;
  pass.levels = params.levels;
  const float* d_next[3] = {};
  std::int64_t blocks = 0, widest = 0;
  int jobs = 0;
  for (int i = 0; i < 3; ++i) {
    const PoolTensor<T>& tensor = params.tensor[i];
    if (tensor.dim == 0 || base[i] >= params.levels.levels) continue;
    const Reach to = reach(params.levels, tensor.dim, base[i]);
    PoolJob<In, T>& job = pass.job[jobs++];
    job = {.d_x = d_in[i],
           .d_mean = tensor.d_mean,
           .d_rounded = tensor.d_rounded,
           .d_sum = nullptr,
           .dim = tensor.dim,
           .of_queries = tensor.of_queries,
           .base = base[i],
           .top = to.top,
           .rows = static_cast<std::int32_t>(to.rows),
           .blocks_per_head = 0,
           .first_block = blocks};
    if (to.top < params.levels.levels)
      d_next[i] = job.d_sum =
          workspace.take<float>(params.levels.heads * length(params.levels, tensor.of_queries, to.top) * tensor.dim);
    const std::int64_t rows = length(params.levels, tensor.of_queries, base[i] + 1);
    job.blocks_per_head = (rows + to.rows - 1) / to.rows;
    blocks += params.levels.heads * job.blocks_per_head;
    widest = std::max(widest, to.rows * tensor.dim);
    base[i] = to.top;
  }
  if (jobs == 0) return;
  if (execute)
    launch<PoolKernel<In, T>>(
        "llsa pool", {grid_size(blocks), threads, static_cast<std::size_t>(widest) * sizeof(float)}, *execute, pass);
  run_pass<float>(params, d_next, base, workspace, execute);
}

template <class T>
void run(const PoolParams<T>& params, Workspace& workspace, const Stream* execute) {
  const T* d_in[3] = {params.tensor[0].d_x, params.tensor[1].d_x, params.tensor[2].d_x};
  int base[3] = {};
  run_pass(params, d_in, base, workspace, execute);
}

}  // namespace

template <class T>
std::size_t pool_workspace(const PoolParams<T>& params) {
  Workspace workspace;
  run(params, workspace, nullptr);
  return workspace.bytes();
}

template <class T>
void pool(const PoolParams<T>& params, void* d_workspace, std::size_t workspace_bytes, Stream stream) {
  check_workspace("pool", d_workspace, workspace_bytes, pool_workspace(params));
  Workspace workspace(d_workspace);
  run(params, workspace, &stream);
}

template std::size_t pool_workspace(const PoolParams<float>&);
template std::size_t pool_workspace(const PoolParams<half>&);
template std::size_t pool_workspace(const PoolParams<bfloat16>&);
template void pool(const PoolParams<float>&, void*, std::size_t, Stream);
template void pool(const PoolParams<half>&, void*, std::size_t, Stream);
template void pool(const PoolParams<bfloat16>&, void*, std::size_t, Stream);

}  // namespace llsa::cuda::inline LLSA_WORLD
