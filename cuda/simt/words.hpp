#pragma once

// CUDA's vocabulary for the C++ compiler: what kernel source may use, with the executor behind it. Only what the
// kernels need; where a word has no host meaning (fences, cache hints) it does nothing, which is what docs/cuda.md
// warns about.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda/simt/executor.hpp"
#include "cuda/world.hpp"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

#define threadIdx (::llsa::cuda::simt::thread_index())
#define blockIdx (::llsa::cuda::simt::block_index())
#define blockDim (::llsa::cuda::simt::block_extent())
#define gridDim (::llsa::cuda::simt::grid_extent())

namespace llsa::cuda::inline LLSA_WORLD {

inline constexpr int warpSize = 32;
using dim3 = simt::Dim3;
using std::max;
using std::min;

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(16) int4 {
  int x, y, z, w;
};

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// Barriers.
inline void __syncthreads(std::source_location site = std::source_location::current()) {
  simt::block_barrier(false, site);
}
inline int __syncthreads_count(int predicate, std::source_location site = std::source_location::current()) {
  return simt::block_barrier(predicate != 0, site);
}
inline int __syncthreads_or(int predicate, std::source_location site = std::source_location::current()) {
  return simt::block_barrier(predicate != 0, site) != 0;
}
inline int __syncthreads_and(int predicate, std::source_location site = std::source_location::current()) {
  return simt::block_barrier(predicate == 0, site) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, std::source_location site = std::source_location::current()) {
  int nothing = 0;
  simt::warp_collective(
      "__syncwarp", mask, nothing, [mask](int* const*) { simt::warp_synchronized(mask); }, site);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// Shuffles. `source(lane, argument)` is the lane read from; a source outside the segment of `width` lanes, as in CUDA,
// leaves the caller's own value. Reading a lane that does not take part is undefined in CUDA and an error here.
namespace detail {
template <class T, class Source>
T shuffle(const char* what, unsigned mask, T value, Source source, std::source_location site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "CUDA shuffles 4 and 8 byte values");
  struct Payload {
    T in, out;
    int from;
  } mine{value, value, source(static_cast<int>(simt::lane_index()))};
  if (!(mask >> mine.from & 1u)) simt::fail("a shuffle reads a lane outside its mask", site);
  simt::warp_collective(
      what, mask, mine,
      [](Payload* const* lanes) {
        for (int lane = 0; lane < 32; ++lane)
          if (lanes[lane]) lanes[lane]->out = lanes[lanes[lane]->from]->in;
      },
      site);
  return mine.out;
}
}  // namespace detail

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              std::source_location site = std::source_location::current()) {
  return detail::shuffle(
      "__shfl_sync", mask, value, [=](int lane) { return (lane & ~(width - 1)) | (source & (width - 1)); }, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 std::source_location site = std::source_location::current()) {
  return detail::shuffle(
      "__shfl_up_sync", mask, value,
      [=](int lane) {
        const int within = (lane & (width - 1)) - static_cast<int>(delta);
        return within < 0 ? lane : lane - static_cast<int>(delta);
      },
      site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   std::source_location site = std::source_location::current()) {
  return detail::shuffle(
      "__shfl_down_sync", mask, value,
      [=](int lane) {
        const int within = (lane & (width - 1)) + static_cast<int>(delta);
        return within >= width ? lane : lane + static_cast<int>(delta);
      },
      site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  std::source_location site = std::source_location::current()) {
  return detail::shuffle(
      "__shfl_xor_sync", mask, value,
      [=](int lane) {
        const int other = lane ^ lane_mask;
        // CUDA: later segments may read earlier ones, not the other way round.
        return (other & ~(width - 1)) > (lane & ~(width - 1)) ? lane : other;
      },
      site);
}

// Votes.
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location site = std::source_location::current()) {
  struct Payload {
    bool vote;
    unsigned all;
  } mine{predicate != 0, 0};
  simt::warp_collective(
      "vote", mask, mine,
      [](Payload* const* lanes) {
        unsigned all = 0;
        for (int lane = 0; lane < 32; ++lane) all |= lanes[lane] && lanes[lane]->vote ? 1u << lane : 0u;
        for (int lane = 0; lane < 32; ++lane)
          if (lanes[lane]) lanes[lane]->all = all;
      },
      site);
  return mine.all;
}
inline int __any_sync(unsigned mask, int predicate, std::source_location site = std::source_location::current()) {
  return __ballot_sync(mask, predicate, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, std::source_location site = std::source_location::current()) {
  return __ballot_sync(mask, predicate, site) == mask;
}

// Integers and bits.
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }

// Arithmetic. The device's approximate functions are stood in for by the exact ones.
inline float __fdividef(float a, float b) { return a / b; }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }

template <class T>
const T& __ldg(const T* address) {
  return *address;
}

// Integer atomics only: a floating-point sum would depend on the order.
template <class T>
requires(std::is_integral_v<T>) T atomicAdd(T* address, T value) {
  return std::atomic_ref<T>(*address).fetch_add(value);
}
template <class T>
requires(std::is_integral_v<T>) T atomicMax(T* address, T value) {
  std::atomic_ref<T> target(*address);
  T seen = target.load();
  while (seen < value && !target.compare_exchange_weak(seen, value)) {
  }
  return seen;
}

}  // namespace llsa::cuda::inline LLSA_WORLD
