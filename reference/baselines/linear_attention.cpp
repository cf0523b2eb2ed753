#include "reference/baselines/linear_attention.hpp"

#include <algorithm>

namespace llsa::reference {
namespace {

/// Chunks depend on nothing but the length, so that sums do not depend on threads or on what else is in the batch;
/// there are at most 64 of them, so that partial sums stay small beside the tensors.
std::int64_t chunk_tokens(std::int64_t tokens) { return std::max<std::int64_t>(256, (tokens + 63) / 64); }
std::int64_t chunks_of(std::int64_t tokens) { return (tokens + chunk_tokens(tokens) - 1) / chunk_tokens(tokens); }

/// Calls `work(part, head, range)` for every chunk of every head.
template <class Work>
void for_each_chunk(const Shape& shape, ThreadPool& threads, const Work& work) {
  const std::int64_t each = chunk_tokens(shape.tokens), chunks = chunks_of(shape.tokens);
  threads.parallel_for(shape.batch * shape.heads * chunks, [&](std::int64_t item, int) {
    const std::int64_t first = item % chunks * each;
    work(item, item / chunks, TokenRange{first, std::min(first + each, shape.tokens)});
  });
}

/// phi of some rows: softmax over D, max-subtracted.
template <class T>
Matrix<Accumulate<T>> features(const HeadView<const T>& x, TokenRange range) {
  Matrix<Accumulate<T>> phi = rows_matrix(x, range.begin, range.size());
  for (Eigen::Index i = 0; i < phi.rows(); ++i) {
    auto row = phi.row(i).array();
    row = (row - row.maxCoeff()).exp();
    row /= row.sum();
  }
  return phi;
}

/// Adds to rows of `x` the gradient through phi: dx = phi * (dphi - <phi, dphi>).
template <class T, class C>
void add_softmax_gradient(const Matrix<C>& phi, const Matrix<C>& phi_gradient, const HeadView<T>& x,
                          std::int64_t first) {
  for (Eigen::Index i = 0; i < phi.rows(); ++i) {
    const C mean = phi.row(i).dot(phi_gradient.row(i));
    for (Eigen::Index d = 0; d < phi.cols(); ++d) {
      T& to = x(first + i, d);
      to = static_cast<T>(static_cast<C>(to) + phi(i, d) * (phi_gradient(i, d) - mean));
    }
  }
}

}  // namespace

template <class T>
std::vector<KeySummary<Accumulate<T>>> summarise_keys(TensorView<const T> key, TensorView<const T> value,
                                                      ThreadPool& threads) {
  using C = Accumulate<T>;
  const std::int64_t heads = key.shape.batch * key.shape.heads, chunks = chunks_of(key.shape.tokens);
  std::vector<KeySummary<C>> parts(static_cast<std::size_t>(heads * chunks));
  for_each_chunk(key.shape, threads, [&](std::int64_t item, std::int64_t head, TokenRange range) {
    const Matrix<C> phi = features(key.head(head), range);
    KeySummary<C>& part = parts[static_cast<std::size_t>(item)];
    part.key_value = phi.transpose() * rows_matrix(value.head(head), range.begin, range.size());
    part.key_sum = phi.colwise().sum().transpose();
  });
  return sum_of_parts(std::move(parts), heads);
}

template <class C>
std::vector<KeySummary<C>> sum_of_parts(std::vector<KeySummary<C>> parts, std::int64_t heads) {
  const auto each = static_cast<std::ptrdiff_t>(parts.size()) / heads;
  std::vector<KeySummary<C>> sums;
  for (std::int64_t head = 0; head < heads; ++head) {
    const auto first = parts.begin() + head * each;
    sums.push_back(std::move(*first));
    for (auto part = first + 1; part != first + each; ++part) {
      sums.back().key_value += part->key_value;
      sums.back().key_sum += part->key_sum;
    }
  }
  return sums;
}

int linear_chunks(const Shape& query) { return static_cast<int>(query.batch * query.heads * chunks_of(query.tokens)); }

template <class T>
void for_each_linear_chunk(TensorView<const T> query, const std::vector<KeySummary<Accumulate<T>>>& summaries,
                           const std::function<void(const LinearChunk<Accumulate<T>>&)>& work, ThreadPool& threads) {
  using C = Accumulate<T>;
  const std::int64_t group = query.shape.batch * query.shape.heads / static_cast<std::int64_t>(summaries.size());
  for_each_chunk(query.shape, threads, [&](std::int64_t item, std::int64_t head, TokenRange range) {
    const std::int64_t key_head = head / group;
    const KeySummary<C>& summary = summaries[static_cast<std::size_t>(key_head)];
    LinearChunk<C> chunk{.head = head, .key_head = key_head, .first = range.begin, .part = static_cast<int>(item)};
    chunk.phi = features(query.head(head), range);
    chunk.denominator = (chunk.phi * summary.key_sum).array() + static_cast<C>(linear_attention_epsilon);
    chunk.output = chunk.phi * summary.key_value;
    chunk.output.array().colwise() /= chunk.denominator.col(0).array();
    work(chunk);
  });
}

template <class T>
KeySummary<Accumulate<T>> linear_query_gradient(const LinearChunk<Accumulate<T>>& chunk,
                                                const KeySummary<Accumulate<T>>& summary,
                                                const Matrix<Accumulate<T>>& output_gradient,
                                                const HeadView<T>& query) {
  using C = Accumulate<T>;
  Matrix<C> numerator = output_gradient;  // the gradient of phi H
  numerator.array().colwise() /= chunk.denominator.col(0).array();
  const Matrix<C> denominator = -(numerator.array() * chunk.output.array()).rowwise().sum();
  Matrix<C> phi_gradient = numerator * summary.key_value.transpose();
  phi_gradient += denominator * summary.key_sum.transpose();
  add_softmax_gradient(chunk.phi, phi_gradient, query, chunk.first);
  return {chunk.phi.transpose() * numerator, chunk.phi.transpose() * denominator};
}

template <class T>
void linear_key_gradient(TensorView<const T> key, TensorView<const T> value,
                         const std::vector<KeySummary<Accumulate<T>>>& gradients, TensorView<T> key_gradient,
                         TensorView<T> value_gradient, ThreadPool& threads) {
  using C = Accumulate<T>;
  for_each_chunk(key.shape, threads, [&](std::int64_t, std::int64_t head, TokenRange range) {
    const KeySummary<C>& gradient = gradients[static_cast<std::size_t>(head)];
    const Matrix<C> phi = features(key.head(head), range);
    Matrix<C> phi_gradient = rows_matrix(value.head(head), range.begin, range.size()) * gradient.key_value.transpose();
    phi_gradient.rowwise() += gradient.key_sum.col(0).transpose();
    add_softmax_gradient(phi, phi_gradient, key_gradient.head(head), range.begin);
    const Matrix<C> through_value = phi * gradient.key_value;
    const HeadView<T> to = value_gradient.head(head);
    for (Eigen::Index i = 0; i < through_value.rows(); ++i)
      for (Eigen::Index d = 0; d < through_value.cols(); ++d) {
        T& element = to(range.begin + i, d);
        element = static_cast<T>(static_cast<C>(element) + through_value(i, d));
      }
  });
}

#define LLSA_INSTANTIATE(T)                                                                                        \
  template std::vector<KeySummary<Accumulate<T>>> summarise_keys(TensorView<const T>, TensorView<const T>,         \
                                                                 ThreadPool&);                                     \
  template void for_each_linear_chunk(TensorView<const T>, const std::vector<KeySummary<Accumulate<T>>>&,          \
                                      const std::function<void(const LinearChunk<Accumulate<T>>&)>&, ThreadPool&); \
  template KeySummary<Accumulate<T>> linear_query_gradient(const LinearChunk<Accumulate<T>>&,                      \
                                                           const KeySummary<Accumulate<T>>&,                       \
                                                           const Matrix<Accumulate<T>>&, const HeadView<T>&);      \
  template void linear_key_gradient(TensorView<const T>, TensorView<const T>,                                      \
                                    const std::vector<KeySummary<Accumulate<T>>>&, TensorView<T>, TensorView<T>,   \
                                    ThreadPool&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE
template std::vector<KeySummary<float>> sum_of_parts(std::vector<KeySummary<float>>, std::int64_t);
template std::vector<KeySummary<double>> sum_of_parts(std::vector<KeySummary<double>>, std::int64_t);

}  // namespace llsa::reference
