#include "reference/attend_backward.hpp"

#include "reference/dense_gradient.hpp"
#include "reference/gradients.hpp"

namespace llsa::reference {
namespace {

/// The gradient that reaches the fine tokens through coarse keys or values, kept at level 1: `[heads * T_1, dim]` rows,
/// where a token's row is the sum over levels of its ancestors' gradients, each divided by the ancestor's count.
template <class C>
using Unpooled = Eigen::Array<C, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class C>
struct UnpooledPair {
  Unpooled<C> key, value;
};

/// Adds to level l what level l + 1 passes down (`above`, may be empty).
template <class C>
void pass_down(Unpooled<C>& level, const Unpooled<C>& above, const Hierarchy& hierarchy, int l, std::int64_t heads) {
  const std::int64_t length = hierarchy.length(l);
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t t = 0; t < length; ++t) {
      auto row = level.row(head * length + t);
      row /= static_cast<C>(hierarchy.count(l, t));
      if (above.size() > 0) row += above.row(head * hierarchy.length(l + 1) + t / hierarchy.block_size());
    }
}

template <class T>
class Backward {
 public:
  using C = Accumulate<T>;

  Backward(const AttendBackwardParams<T>& params, ThreadPool& threads)
      : params_(params), threads_(threads), statistics_(query_statistics(params, threads)) {}

  /// All three gradients where L = 0.
  void dense() { dense_gradient(params_, statistics_, threads_); }

  void query() { query_gradient(params_, statistics_, threads_); }

  /// dK^(l) and dV^(l) of a coarse level before unpooling.
  UnpooledPair<C> coarse(int level) {
    const std::int64_t length = options().key.length(level), rows = heads() * length;
    UnpooledPair<C> pair{Unpooled<C>(rows, params_.problem.key.shape.dim),
                         Unpooled<C>(rows, params_.problem.value.shape.dim)};
    const auto sink = [&](std::int64_t head, std::int64_t first, std::int64_t count, const C* key, const C* value,
                          std::int64_t columns) {
      store_tile(key, columns, count, rows_of_head(pair.key, length, head), first);
      store_tile(value, columns, count, rows_of_head(pair.value, length, head), first);
    };
    key_gradient<T>(params_, level, statistics_, sink, threads_);
    return pair;
  }

  /// The fine keys' own gradients plus what the coarse levels pass down.
  void fine(const UnpooledPair<C>& above, const TensorView<T>& key_gradient_out,
            const TensorView<T>& value_gradient_out) {
    const auto sink = [&](std::int64_t head, std::int64_t first, std::int64_t count, const C* key, const C* value,
                          std::int64_t columns) {
      const auto passed = [&](const Unpooled<C>& rows) {
        return [&, head, first](std::int64_t c) -> const C* {
          if (rows.size() == 0) return nullptr;
          return rows.row(head * options().key.length(1) + options().key.ancestor(1, first + c)).data();
        };
      };
      store_tile(key, columns, count, key_gradient_out.head(head), first, passed(above.key));
      store_tile(value, columns, count, value_gradient_out.head(head), first, passed(above.value));
    };
    key_gradient<T>(params_, 0, statistics_, sink, threads_);
  }

  /// Of the keys.
  std::int64_t heads() const { return params_.problem.key_heads(); }
  const ResolvedOptions& options() const { return params_.problem.options; }

 private:
  static HeadView<C> rows_of_head(Unpooled<C>& rows, std::int64_t length, std::int64_t head) {
    return {rows.data() + head * length * rows.cols(), length, rows.cols(), rows.cols(), 1};
  }

  const AttendBackwardParams<T>& params_;
  ThreadPool& threads_;
  QueryStatistics<C> statistics_;
};

}  // namespace

template <class T>
void attend_backward(const AttendBackwardParams<T>& params, ThreadPool& threads) {
  using C = Accumulate<T>;
  const ResolvedOptions& options = params.problem.options;
  Backward<T> backward(params, threads);
  if (options.levels == 0) return backward.dense();
  backward.query();
  UnpooledPair<C> above;
  for (int level = options.enrichment_levels; level >= 1; --level) {
    UnpooledPair<C> here = backward.coarse(level);
    pass_down(here.key, above.key, options.key, level, backward.heads());
    pass_down(here.value, above.value, options.key, level, backward.heads());
    above = std::move(here);
  }
  backward.fine(above, params.key_gradient, params.value_gradient);
}

GradientParts attend_backward_parts(const AttendBackwardParams<double>& params, ThreadPool& threads) {
  const AttendProblem<double>& problem = params.problem;
  const ResolvedOptions& options = problem.options;
  Backward<double> backward(params, threads);
  GradientParts parts;
  parts.key.emplace_back(problem.key.shape);
  parts.value.emplace_back(problem.value.shape);
  backward.fine({}, parts.key[0].view(), parts.value[0].view());
  for (int level = 1; level <= options.enrichment_levels; ++level) {
    const UnpooledPair<double> coarse = backward.coarse(level);
    const auto unpool = [&](const Unpooled<double>& rows, const Shape& shape) {
      Tensor<double> fine(shape);
      for (std::int64_t head = 0; head < backward.heads(); ++head)
        for (std::int64_t i = 0; i < shape.tokens; ++i) {
          const std::int64_t c = options.key.ancestor(level, i);
          for (std::int64_t d = 0; d < shape.dim; ++d)
            fine.view().head(head)(i, d) =
                rows(head * options.key.length(level) + c, d) / static_cast<double>(options.key.count(level, c));
        }
      return fine;
    };
    parts.key.push_back(unpool(coarse.key, problem.key.shape));
    parts.value.push_back(unpool(coarse.value, problem.value.shape));
  }
  return parts;
}

template void attend_backward(const AttendBackwardParams<float>&, ThreadPool&);
template void attend_backward(const AttendBackwardParams<double>&, ThreadPool&);
template void attend_backward(const AttendBackwardParams<half>&, ThreadPool&);
template void attend_backward(const AttendBackwardParams<bfloat16>&, ThreadPool&);

}  // namespace llsa::reference
