#pragma once

#include <cstdint>

#include "cuda/levels.hpp"
#include "cuda/world.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// What attention and its gradient read (spec sections 4 to 6), as kernels see it: passed by value, no ownership.
/// Device memory, contiguous, every pointer a multiple of 16 bytes. T is float, half or bfloat16.
template <class T>
struct AttendProblem {
  Levels levels;
  std::int32_t head_dim = 0, value_dim = 0;  ///< D and Dv: multiples of 8 up to 256
  float scale = 1;                           ///< of the scores
  bool reweight = true;                      ///< coarse keys weigh what they stand for
  bool disjoint = false;                     ///< coarse keys that were refined are dropped (spec section 6)

  const T* d_query = nullptr;             ///< [heads, Nq, D]
  const T* d_key = nullptr;               ///< [heads, Nk, D]
  const T* d_value = nullptr;             ///< [heads, Nk, Dv]
  const T* d_coarse_key = nullptr;        ///< pyramid of K, rounded to the storage type: see `Levels`
  const T* d_coarse_value = nullptr;      ///< pyramid of V, likewise
  const std::int32_t* d_lists = nullptr;  ///< the selection: see `Levels`
};

/// Throws `Error` with the value and what is allowed for a head dimension, a scale or a pointer that the kernels do not
/// take. `what` names the operation.
template <class T>
void check(const char* what, const AttendProblem<T>& problem);

/// Throws `Error` unless `pointer` is a multiple of 16 bytes and, when `required`, not null.
void check_pointer(const char* what, const char* name, const void* pointer, bool required = true);

}  // namespace llsa::cuda::inline LLSA_WORLD
