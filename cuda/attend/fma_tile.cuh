#pragma once

#include "cuda/kernel.cuh"

// Building blocks of the kernels that multiply by fused multiply-add, which take float: any block size and head
// dimension. A block of 128 threads holds a tile of 16 rows against a tile of 32 columns (16 where dimensions are
// many), both in shared memory. Eight neighbouring lanes share a row; each scores some of its columns and sums a share
// of its output dimensions.
namespace llsa::cuda::inline LLSA_WORLD {

struct FmaTile {
  static constexpr int threads = 128, rows = 16, lanes_per_row = threads / rows;
  /// With more than 128 dimensions 32 columns would need more than the 99 KiB that some devices have.
  static constexpr int columns(int max_dim) { return max_dim > 128 ? 16 : 32; }

  /// Floats from one row of a tile to the next: 16 bytes apart in the banks.
  __host__ __device__ static constexpr int pitch(int dim) { return dim + 4; }
  __device__ static int row() { return static_cast<int>(threadIdx.x) / lanes_per_row; }
  __device__ static int lane() { return static_cast<int>(threadIdx.x) % lanes_per_row; }
  /// The `i`-th column that this thread scores.
  __device__ static int column(int i) { return lane() + lanes_per_row * i; }
};

/// Fills `count` rows of a tile; `source(row)` is where a row lies in global memory, or null for a row of zeros.
template <class Source>
__device__ inline void load_tile(float* tile, int count, int dim, Source source) {
  const int pieces = dim / 8;
  for (int i = static_cast<int>(threadIdx.x); i < count * pieces; i += FmaTile::threads) {
    const int row = i / pieces, first = i % pieces * 8;
    float values[8] = {};
    if (const auto* from = source(row)) load8(from + first, values);
    float* to = tile + row * FmaTile::pitch(dim) + first;
    *reinterpret_cast<float4*>(to) = make_float4(values[0], values[1], values[2], values[3]);
    *reinterpret_cast<float4*>(to + 4) = make_float4(values[4], values[5], values[6], values[7]);
  }
}

/// Dot products of this thread's row of `a` with its columns' rows of `b`.
template <int columns_per_lane>
__device__ inline void dot_products(float (&out)[columns_per_lane], const float* a, const float* b, int dim) {
  const int pitch = FmaTile::pitch(dim);
  float4 sums[columns_per_lane] = {};
  for (int d = 0; d < dim; d += 4) {
    const float4 x = *reinterpret_cast<const float4*>(a + FmaTile::row() * pitch + d);
#pragma unroll
    for (int i = 0; i < columns_per_lane; ++i) {
      const float4 y = *reinterpret_cast<const float4*>(b + FmaTile::column(i) * pitch + d);
      sums[i].x += x.x * y.x;
      sums[i].y += x.y * y.y;
      sums[i].z += x.z * y.z;
      sums[i].w += x.w * y.w;
    }
  }
#pragma unroll
  for (int i = 0; i < columns_per_lane; ++i) out[i] = (sums[i].x + sums[i].y) + (sums[i].z + sums[i].w);
}

/// This thread's part of a sum of column vectors, each times a factor (P or dS): dimensions 4 lane() + 32 j of its
/// row's output.
template <int max_dim>
struct RowSum {
  static constexpr int parts = max_dim / 32, columns = FmaTile::columns(max_dim);
  float4 part[parts] = {};

  __device__ static int dimension(int j) { return 4 * FmaTile::lane() + 32 * j; }

  __device__ void scale(float factor) {
#pragma unroll
    for (int j = 0; j < parts; ++j) {
      part[j].x *= factor;
      part[j].y *= factor;
      part[j].z *= factor;
      part[j].w *= factor;
    }
  }

  /// Adds `factors[c]` times row c of `b` for the columns in `kept` (bit c). The others must not touch the sum: their
  /// factor is 0, but 0 times a NaN or an infinity is not.
  __device__ void add(const float* factors, const float* b, int dim, unsigned kept) {
    for (int c = 0; c < columns; ++c) {
      if (!(kept >> c & 1u)) continue;
      const float factor = factors[c];
#pragma unroll
      for (int j = 0; j < parts; ++j) {
        if (dimension(j) >= dim) break;
        const float4 x = *reinterpret_cast<const float4*>(b + c * FmaTile::pitch(dim) + dimension(j));
        part[j].x += factor * x.x;
        part[j].y += factor * x.y;
        part[j].z += factor * x.z;
        part[j].w += factor * x.w;
      }
    }
  }

  /// Calls `store(d, value)` for each of this thread's dimensions, in groups of four: `value` belongs to d..d+3.
  template <class Store>
  __device__ void visit(int dim, Store store) const {
#pragma unroll
    for (int j = 0; j < parts; ++j)
      if (dimension(j) < dim) store(dimension(j), part[j]);
  }
};

/// Four neighbouring elements, rounded to the storage type; `address` is a multiple of four elements.
template <class T>
__device__ inline void store4(T* address, const float4& value) {
  struct alignas(4 * sizeof(T)) Four {
    T element[4];
  };
  *reinterpret_cast<Four*>(address) =
      Four{{from_float<T>(value.x), from_float<T>(value.y), from_float<T>(value.z), from_float<T>(value.w)}};
}

/// Maximum, ignoring NaN, and sum over the eight lanes of a row; every lane receives it.
__device__ inline float row_max(float value) {
  for (int step = 1; step < FmaTile::lanes_per_row; step *= 2)
    value = fmaxf(value, __shfl_xor_sync(full_warp, value, step));
  return value;
}
__device__ inline float row_sum(float value) {
  for (int step = 1; step < FmaTile::lanes_per_row; step *= 2) value += __shfl_xor_sync(full_warp, value, step);
  return value;
}

}  // namespace llsa::cuda::inline LLSA_WORLD
