#pragma once

#include "cuda/kernel.cuh"
#include "cuda/levels.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// One tensor in one pass from level `base` to level `top`.
template <class In, class Out>
struct PoolJob {
  const In* d_x = nullptr;   ///< [heads, T_base, dim]: values (base 0) or sums over fine tokens
  float* d_mean = nullptr;   ///< pyramid, or null
  Out* d_rounded = nullptr;  ///< pyramid, or null
  float* d_sum = nullptr;    ///< [heads, T_top, dim], or null when no pass follows
  std::int32_t dim = 0;
  bool of_queries = false;
  std::int32_t base = 0, top = 0;
  std::int32_t rows = 0;  ///< tokens of level base + 1 that a block works on: a multiple of B^(top - base - 1)
  std::int64_t blocks_per_head = 0;  ///< 0 leaves the job out
  std::int64_t first_block = 0;
};

template <class In, class Out>
struct PoolPass {
  Levels levels;
  PoolJob<In, Out> job[3];
};

/// Each thread owns 8 dimensions of a row. Level base + 1 is summed from memory, the levels above it in shared memory
/// in place: the sum of token t of level l lies in row t * B^(l - base - 1). A sum of a few rows by one thread in
/// ascending order needs no block primitive, and keeps the order fixed.
template <class In, class Out>
struct PoolKernel {
  static constexpr int threads = 256;
  static constexpr int blocks_per_sm = 3;

  __device__ void operator()(const PoolPass<In, Out>& pass) const {
    int which = 0;
    while (which < 2 && pass.job[which + 1].blocks_per_head > 0 && blockIdx.x >= pass.job[which + 1].first_block)
      ++which;
    const PoolJob<In, Out>& job = pass.job[which];
    const std::int64_t block = blockIdx.x - job.first_block;
    const std::int64_t head = block / job.blocks_per_head;
    const std::int64_t first_row = block % job.blocks_per_head * job.rows;  // of level base + 1

    const int dim = job.dim, pieces = dim / 8;
    const int slots = threads / pieces;  // rows worked on at a time
    const int slot = static_cast<int>(threadIdx.x) / pieces, d = static_cast<int>(threadIdx.x) % pieces * 8;
    const Shared<float> sums(0, static_cast<std::size_t>(job.rows) * dim);

    std::int64_t stride = 1;  // B^(level - base - 1): rows of level base + 1 below one token of `level`
    for (int level = job.base + 1; level <= job.top; ++level) {
      const std::int64_t tokens = length(pass, job, level), below = length(pass, job, level - 1);
      const std::int64_t first = first_row / stride;
      const std::int64_t count = min(job.rows / stride, tokens - first);
      for (std::int64_t r = slot; slot < slots && r < count; r += slots) {
        const std::int64_t begin = (first + r) * pass.levels.block_size;
        const std::int64_t children = min(pass.levels.block_size, below - begin);
        float sum[8] = {};
        if (level == job.base + 1) {
          const In* x = job.d_x + (head * below + begin) * dim + d;
#pragma unroll 4
          for (std::int64_t c = 0; c < children; ++c) {
            float value[8];
            load8(x + c * dim, value);
            add(sum, value);
          }
        } else {
          for (std::int64_t c = 0; c < children; ++c)
            for (int i = 0; i < 8; ++i)
              sum[i] += sums[(r * stride + c * (stride / pass.levels.block_size)) * dim + d + i];
        }
        for (int i = 0; i < 8; ++i) sums[r * stride * dim + d + i] = sum[i];
        write(pass, job, level, head, first + r, d, sum);
      }
      stride *= pass.levels.block_size;
      __syncthreads();
    }
  }

 private:
  __device__ static std::int64_t length(const PoolPass<In, Out>& pass, const PoolJob<In, Out>& job, int level) {
    return job.of_queries ? pass.levels.level[level].queries : pass.levels.level[level].keys;
  }

  __device__ static void add(float (&sum)[8], const float (&value)[8]) {
#pragma unroll
    for (int i = 0; i < 8; ++i) sum[i] += value[i];
  }

  __device__ static void write(const PoolPass<In, Out>& pass, const PoolJob<In, Out>& job, int level, std::int64_t head,
                               std::int64_t token, int d, const float (&sum)[8]) {
    const Level& at = pass.levels.level[level];
    const std::int64_t span = job.of_queries ? at.query_span : at.key_span;
    const float count = static_cast<float>(min(span, length(pass, job, 0) - token * span));
    const std::int64_t row = head * length(pass, job, level) + token;
    const std::int64_t pyramid_row = (job.of_queries ? at.query_row : at.key_row) + row;
    float mean[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) mean[i] = sum[i] / count;
    if (job.d_mean) store8(job.d_mean + pyramid_row * job.dim + d, mean);
    if (job.d_rounded) store8(job.d_rounded + pyramid_row * job.dim + d, mean);
    if (job.d_sum && level == job.top) store8(job.d_sum + row * job.dim + d, sum);
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD
