#pragma once

// What kernel source includes: CUDA's vocabulary in either world, shared memory, and conversions of storage types.

#include <cstddef>
#include <cstdint>

#include "cuda/world.hpp"
#include "llsa/dtype.hpp"

#if defined(LLSA_SIMT)
#include "cuda/simt/words.hpp"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#endif

namespace llsa::cuda::inline LLSA_WORLD {

inline constexpr unsigned full_warp = 0xffffffffu;

#if defined(LLSA_SIMT)
inline unsigned lane_id() { return simt::lane_index(); }
#else
/// The thread's place in its warp, in one-dimensional blocks.
__device__ inline unsigned lane_id() { return threadIdx.x % 32u; }
#endif

/// A typed piece of the block's dynamic shared memory. On the CPU every access by index is checked; on the device it is
/// a plain pointer. `data()` is unchecked, for instructions that take addresses.
template <class T>
class Shared {
 public:
#if defined(LLSA_SIMT)
  Shared(std::size_t byte_offset, std::size_t count)
      : data_(reinterpret_cast<T*>(simt::shared_memory() + byte_offset)), count_(count) {
    if (byte_offset % alignof(T) != 0) simt::fail("a shared array is not aligned for its element type");
    if (byte_offset + count * sizeof(T) > simt::shared_bytes())
      simt::fail("a shared array reaches beyond the shared memory of the launch");
  }
  T& operator[](std::size_t i) const {
    if (i >= count_) simt::fail("an index into shared memory is out of range");
    return data_[i];
  }
#else
  __device__ Shared(std::size_t byte_offset, std::size_t) {
    extern __shared__ __align__(1024) unsigned char llsa_shared_memory[];
    data_ = reinterpret_cast<T*>(llsa_shared_memory + byte_offset);
  }
  __device__ T& operator[](std::size_t i) const { return data_[i]; }
#endif
  __device__ T* data() const { return data_; }

 private:
  T* data_;
#if defined(LLSA_SIMT)
  std::size_t count_;
#endif
};

/// Lays out dynamic shared memory, the same way for the launcher (how many bytes) and the kernel (where):
/// each `take` returns the byte offset of a 16-byte aligned array.
class SharedLayout {
 public:
  template <class T>
  __host__ __device__ constexpr std::size_t take(std::size_t count) {
    const std::size_t offset = bytes_;
    bytes_ += (count * sizeof(T) + 15) / 16 * 16;
    return offset;
  }
  __host__ __device__ constexpr std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

// Storage types. half and bfloat16 are stored bits; arithmetic is in float.
#if defined(LLSA_SIMT)
inline float to_float(float x) { return x; }
inline float to_float(half x) { return static_cast<float>(x); }
inline float to_float(bfloat16 x) { return static_cast<float>(x); }
template <class T>
T from_float(float x) {
  return static_cast<T>(x);
}
#else
__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(half x) { return __half2float(__ushort_as_half(x.bits)); }
__device__ inline float to_float(bfloat16 x) { return __bfloat162float(__ushort_as_bfloat16(x.bits)); }
template <class T>
__device__ inline T from_float(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    T result;
    if constexpr (std::is_same_v<T, half>)
      result.bits = __half_as_ushort(__float2half_rn(x));
    else
      result.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
    return result;
  }
}
#endif

/// Eight consecutive elements, moved in 16-byte pieces; the address must be a multiple of 16 bytes.
template <class T>
struct alignas(16) Eight {
  uint4 words[sizeof(T) / 2];
};

template <class T>
__device__ inline void load8(const T* address, float (&out)[8]) {
  const Eight<T> pack = *reinterpret_cast<const Eight<T>*>(address);
  T elements[8];
  memcpy(static_cast<void*>(elements), &pack, sizeof pack);
#pragma unroll
  for (int i = 0; i < 8; ++i) out[i] = to_float(elements[i]);
}

template <class T>
__device__ inline void store8(T* address, const float (&in)[8]) {
  T elements[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) elements[i] = from_float<T>(in[i]);
  Eight<T> pack;
  memcpy(&pack, elements, sizeof pack);
  *reinterpret_cast<Eight<T>*>(address) = pack;
}

}  // namespace llsa::cuda::inline LLSA_WORLD
