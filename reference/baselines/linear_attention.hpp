#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "llsa/attention.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

template <class C>
using Matrix = Eigen::Matrix<C, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The linear-attention branch of SLA, spec section 8: with phi = softmax over D, for every query i
///   O_i = phi(Q_i) H / den_i,   den_i = 1e-5 + <phi(Q_i), z>,   H = sum_j phi(K_j)^T V_j,   z = sum_j phi(K_j).
/// O(N D Dv) time; no N x N array. Sums over tokens are taken chunk by chunk and the chunks added in order, so results
/// are the same for any number of threads and any place in the batch. All arithmetic in C = `Accumulate<T>`.
inline constexpr double linear_attention_epsilon = 1e-5;

/// H `[D, Dv]` and z `[D, 1]` of one head; also their gradients.
template <class C>
struct KeySummary {
  Matrix<C> key_value, key_sum;
};

/// One summary for every head of K `[batch, heads, Nk, D]` and V `[batch, heads, Nk, Dv]`.
template <class T>
std::vector<KeySummary<Accumulate<T>>> summarise_keys(TensorView<const T> key, TensorView<const T> value,
                                                      ThreadPool& threads);

/// A run of queries of one head and what linear attention makes of them.
template <class C>
struct LinearChunk {
  std::int64_t head = 0;      ///< of the queries
  std::int64_t key_head = 0;  ///< the one it reads (spec section 9)
  std::int64_t first = 0;
  int part = 0;           ///< numbers the chunks of all heads in order, for sums over them
  Matrix<C> phi;          ///< `[n, D]`
  Matrix<C> output;       ///< `[n, Dv]`, O^linear
  Matrix<C> denominator;  ///< `[n, 1]`
};

/// The sums of equally many consecutive parts for each of `heads`, added in order: of a head's chunks, or of those of
/// all query heads that share a key head.
template <class C>
std::vector<KeySummary<C>> sum_of_parts(std::vector<KeySummary<C>> parts, std::int64_t heads);

/// How many chunks `for_each_linear_chunk` makes.
int linear_chunks(const Shape& query);

/// Calls `work(chunk)` for every chunk of queries, from any thread. There is a summary for every key head.
template <class T>
void for_each_linear_chunk(TensorView<const T> query, const std::vector<KeySummary<Accumulate<T>>>& summaries,
                           const std::function<void(const LinearChunk<Accumulate<T>>&)>& work, ThreadPool& threads);

/// The query side of the gradient for one chunk: `output_gradient` `[n, Dv]` is dO^linear. Adds dQ to `query` (one
/// head, `[Nq, D]`) and returns the chunk's part of dH and dz.
template <class T>
KeySummary<Accumulate<T>> linear_query_gradient(const LinearChunk<Accumulate<T>>& chunk,
                                                const KeySummary<Accumulate<T>>& summary,
                                                const Matrix<Accumulate<T>>& output_gradient, const HeadView<T>& query);

/// The key side: adds dK and dV to `key_gradient` and `value_gradient`, given dH and dz of every head.
template <class T>
void linear_key_gradient(TensorView<const T> key, TensorView<const T> value,
                         const std::vector<KeySummary<Accumulate<T>>>& gradients, TensorView<T> key_gradient,
                         TensorView<T> value_gradient, ThreadPool& threads);

/// Rows `[first, first + count)` of a head as a matrix.
template <class T>
Matrix<Accumulate<T>> rows_matrix(const HeadView<const T>& x, std::int64_t first, std::int64_t count) {
  Matrix<Accumulate<T>> rows(count, x.dim);
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t d = 0; d < x.dim; ++d) rows(i, d) = static_cast<Accumulate<T>>(x(first + i, d));
  return rows;
}

}  // namespace llsa::reference
