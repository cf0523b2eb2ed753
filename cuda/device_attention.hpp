#pragma once

#include <cstddef>

#include "cuda/attend/problem.hpp"
#include "cuda/stream.hpp"
#include "llsa/attention.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

// Attention on device memory, all stages strung together: what programs that keep their tensors on the device call.
// Everything is queued on the caller's stream; nothing is allocated and nothing waits. Sizes can be asked for
// beforehand.

/// Levels, dimensions and options of a problem; its pointers stay null. `given`, when not null, gives the widths of
/// lists that come from outside. Throws `Error` for a head dimension that is not a multiple of 8 up to 256.
template <class T>
AttendProblem<T> make_problem(const ResolvedOptions& options, const Shape& query, const Shape& value,
                              const Selection* given = nullptr);

/// What `forward` leaves for `backward` in the caller's memory: the selection and the coarse levels of K and V.
template <class T>
std::size_t saved_bytes(const AttendProblem<T>& problem);
/// The lists within that memory, `levels.list_entries` int32 as `Levels` says.
template <class T>
std::int32_t* saved_lists(const AttendProblem<T>& problem, void* d_saved);

enum class Lists {
  select,  ///< `forward` selects
  given,   ///< the caller has written valid lists to `saved_lists`
};

/// Device memory, 256-byte aligned where it is a block of bytes, 16-byte aligned elsewhere. No array may overlap
/// another.
template <class T>
struct ForwardParams {
  AttendProblem<T> problem;  ///< from `make_problem`, with d_query, d_key and d_value set
  Lists lists = Lists::select;
  T* d_output = nullptr;            ///< O [heads, Nq, Dv], overwritten
  float* d_lse = nullptr;           ///< natural logarithm, [heads, Nq], overwritten
  void* d_saved = nullptr;          ///< `saved_bytes`
  void* d_workspace = nullptr;      ///< contents on entry do not matter and are not kept
  std::size_t workspace_bytes = 0;  ///< at least `forward_workspace`
};

template <class T>
std::size_t forward_workspace(const AttendProblem<T>& problem);

/// Pool, select, attend (spec sections 2 to 4, 6). The same bits from run to run and for any batch position. Throws
/// `Error` for unsupported dimensions, a misaligned pointer, memory of another device, or a workspace that is too
/// small.
template <class T>
void forward(const ForwardParams<T>& params, Stream stream);

/// What `forward` leaves in `d_saved`, made again from the lists, which the caller has written to `saved_lists`: for
/// callers that keep nothing but the lists. The workspace has at least `forward_workspace`. Errors as in `forward`.
template <class T>
void restore(const AttendProblem<T>& problem, void* d_saved, void* d_workspace, std::size_t workspace_bytes,
             Stream stream);

template <class T>
struct BackwardParams {
  AttendProblem<T> problem;               ///< as in `forward`
  const T* d_output = nullptr;            ///< from `forward`
  const float* d_lse = nullptr;           ///< from `forward`
  const T* d_output_gradient = nullptr;   ///< dO [heads, Nq, Dv]
  const float* d_lse_gradient = nullptr;  ///< dLSE [heads, Nq], or null for zero
  T* d_query_gradient = nullptr;          ///< dQ [heads, Nq, D], overwritten
  T* d_key_gradient = nullptr;            ///< dK [heads, Nk, D], overwritten
  T* d_value_gradient = nullptr;          ///< dV [heads, Nk, Dv], overwritten
  void* d_saved = nullptr;                ///< from `forward`; read only
  void* d_workspace = nullptr;
  std::size_t workspace_bytes = 0;  ///< at least `backward_workspace`
};

template <class T>
std::size_t backward_workspace(const AttendProblem<T>& problem);

/// Transpose, then the gradient (spec section 5). Errors and determinism as in `forward`.
template <class T>
void backward(const BackwardParams<T>& params, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD
