#include "reference/pool.hpp"

#include <Eigen/Core>
#include <algorithm>

namespace llsa::reference {
namespace {

using Sums = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  // [heads * T_l, dim]

/// sum[d] += x[i][d] for the tokens of a range, ascending.
template <class T>
void add_rows(const HeadView<const T>& x, TokenRange tokens, double* __restrict sum) {
  using C = Accumulate<T>;
  for (std::int64_t i = tokens.begin; i < tokens.end; ++i) {
    const T* row = x.row(i);
    if (x.dim_stride == 1)  // apart from the general case so that the compiler vectorises it
      for (std::int64_t d = 0; d < x.dim; ++d) sum[d] += static_cast<C>(row[d]);
    else
      for (std::int64_t d = 0; d < x.dim; ++d) sum[d] += static_cast<C>(row[d * x.dim_stride]);
  }
}

}  // namespace

template <class T>
Pyramid<Accumulate<T>> pool(TensorView<const T> x, const Hierarchy& hierarchy, ThreadPool& threads) {
  using C = Accumulate<T>;
  const std::int64_t heads = x.shape.batch * x.shape.heads, dim = x.shape.dim;
  Pyramid<C> pyramid;
  Sums below;  // the level below the current one, as sums over fine tokens, so that no level rounds twice
  for (int level = 1; level <= hierarchy.levels(); ++level) {
    const std::int64_t length = hierarchy.length(level);
    pyramid.coarse.emplace_back(Shape{x.shape.batch, x.shape.heads, length, dim});
    C* means = pyramid.coarse.back().data();
    Sums sums(heads * length, dim);
    constexpr std::int64_t tokens_per_item = 16;
    const std::int64_t items_per_head = (length + tokens_per_item - 1) / tokens_per_item;
    threads.parallel_for(heads * items_per_head, [&](std::int64_t item, int) {
      const std::int64_t head = item / items_per_head, first = item % items_per_head * tokens_per_item;
      const HeadView<const T> fine = x.head(head);
      for (std::int64_t t = first; t < std::min(first + tokens_per_item, length); ++t) {
        auto sum = sums.row(head * length + t);
        sum.setZero();
        const TokenRange children = hierarchy.children(level, t);
        if (level == 1)
          add_rows(fine, children, sum.data());
        else
          for (std::int64_t c = children.begin; c < children.end; ++c)
            sum += below.row(head * hierarchy.length(level - 1) + c);
        Eigen::Map<Eigen::Array<C, 1, Eigen::Dynamic>>(means + (head * length + t) * dim, dim) =
            (sum / static_cast<double>(hierarchy.count(level, t))).template cast<C>();
      }
    });
    below = std::move(sums);
  }
  return pyramid;
}

template Pyramid<float> pool(TensorView<const float>, const Hierarchy&, ThreadPool&);
template Pyramid<double> pool(TensorView<const double>, const Hierarchy&, ThreadPool&);
template Pyramid<float> pool(TensorView<const half>, const Hierarchy&, ThreadPool&);
template Pyramid<float> pool(TensorView<const bfloat16>, const Hierarchy&, ThreadPool&);

}  // namespace llsa::reference
