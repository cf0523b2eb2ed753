#include "reference/attend_backward.hpp"

#include "reference/gradients.hpp"

namespace llsa::reference {
namespace {

/// The gradient that reaches the fine tokens through coarse keys or values, kept at level 1: `[heads * T_1, dim]` rows, where a
/// token's row is the sum over levels of its ancestors' gradients, each divided by the ancestor's count.
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

  Backward(const AttentionInputs<T>& inputs, const Pyramid<C>& key, const Pyramid<C>& value, const Selection& selection,
           const ResolvedOptions& options, const AttentionOutputs<T>& outputs,
           const AttentionOutputGradients<T>& output_gradients, ThreadPool& threads,
           KeyMajor how = KeyMajor::transposed_lists)
      : inputs_(inputs),
        key_(key),
        value_(value),
        selection_(selection),
        options_(options),
        output_gradient_(output_gradients.output),
        threads_(threads),
        how_(how),
        statistics_(query_statistics(outputs, output_gradients, threads)) {}

  void query(const TensorView<T>& gradient) {
    query_gradient(inputs_, key_, value_, selection_, options_, statistics_, output_gradient_, gradient, threads_);
  }

  /// dK^(l) and dV^(l) of a coarse level before unpooling.
  UnpooledPair<C> coarse(int level) {
    const std::int64_t length = options_.key.length(level), rows = heads() * length;
    UnpooledPair<C> pair{Unpooled<C>(rows, inputs_.key.shape.dim), Unpooled<C>(rows, inputs_.value.shape.dim)};
    const auto sink = [&](std::int64_t head, std::int64_t first, std::int64_t count, const C* key, const C* value,
                          std::int64_t columns) {
      store_tile(key, columns, count, rows_of_head(pair.key, length, head), first);
      store_tile(value, columns, count, rows_of_head(pair.value, length, head), first);
    };
    key_gradient<T>(inputs_, key_, value_, selection_, options_, level, statistics_, output_gradient_, sink, how_, threads_);
    return pair;
  }

  /// The fine keys' own gradients plus what the coarse levels pass down.
  void fine(const UnpooledPair<C>& above, const TensorView<T>& key_gradient_out, const TensorView<T>& value_gradient_out) {
    const auto sink = [&](std::int64_t head, std::int64_t first, std::int64_t count, const C* key, const C* value,
                          std::int64_t columns) {
      const auto passed = [&](const Unpooled<C>& rows) {
        return [&, head, first](std::int64_t c) -> const C* {
          if (rows.size() == 0) return nullptr;
          return rows.row(head * options_.key.length(1) + options_.key.ancestor(1, first + c)).data();
        };
      };
      store_tile(key, columns, count, key_gradient_out.head(head), first, passed(above.key));
      store_tile(value, columns, count, value_gradient_out.head(head), first, passed(above.value));
    };
    key_gradient<T>(inputs_, key_, value_, selection_, options_, 0, statistics_, output_gradient_, sink, how_, threads_);
  }

  std::int64_t heads() const { return inputs_.key.shape.batch * inputs_.key.shape.heads; }

 private:
  static HeadView<C> rows_of_head(Unpooled<C>& rows, std::int64_t length, std::int64_t head) {
    return {rows.data() + head * length * rows.cols(), length, rows.cols(), rows.cols(), 1};
  }

  const AttentionInputs<T>& inputs_;
  const Pyramid<C>& key_;
  const Pyramid<C>& value_;
  const Selection& selection_;
  const ResolvedOptions& options_;
  TensorView<const T> output_gradient_;
  ThreadPool& threads_;
  KeyMajor how_;
  QueryStatistics<C> statistics_;
};

}  // namespace

template <class T>
void attend_backward(const AttentionInputs<T>& inputs, const Pyramid<Accumulate<T>>& key,
                     const Pyramid<Accumulate<T>>& value, const Selection& selection, const ResolvedOptions& options,
                     const AttentionOutputs<T>& outputs, const AttentionOutputGradients<T>& output_gradients,
                     const AttentionGradients<T>& gradients, ThreadPool& threads, KeyMajor how) {
  using C = Accumulate<T>;
  Backward<T> backward(inputs, key, value, selection, options, outputs, output_gradients, threads, how);
  backward.query(gradients.query);
  UnpooledPair<C> above;
  for (int level = options.enrichment_levels; level >= 1; --level) {
    UnpooledPair<C> here = backward.coarse(level);
    pass_down(here.key, above.key, options.key, level, backward.heads());
    pass_down(here.value, above.value, options.key, level, backward.heads());
    above = std::move(here);
  }
  backward.fine(above, gradients.key, gradients.value);
}

GradientParts attend_backward_parts(const AttentionInputs<double>& inputs, const Pyramid<double>& key,
                                    const Pyramid<double>& value, const Selection& selection,
                                    const ResolvedOptions& options, const AttentionOutputs<double>& outputs,
                                    const AttentionOutputGradients<double>& output_gradients, ThreadPool& threads) {
  Backward<double> backward(inputs, key, value, selection, options, outputs, output_gradients, threads);
  GradientParts parts;
  parts.key.emplace_back(inputs.key.shape);
  parts.value.emplace_back(inputs.value.shape);
  backward.fine({}, parts.key[0].view(), parts.value[0].view());
  for (int level = 1; level <= options.enrichment_levels; ++level) {
    const UnpooledPair<double> coarse = backward.coarse(level);
    const auto unpool = [&](const Unpooled<double>& rows, const Shape& shape) {
      Tensor<double> fine(shape);
      for (std::int64_t head = 0; head < backward.heads(); ++head)
        for (std::int64_t i = 0; i < shape.tokens; ++i) {
          const std::int64_t c = options.key.ancestor(level, i);
          for (std::int64_t d = 0; d < shape.dim; ++d)
            fine.view().head(head)(i, d) = rows(head * options.key.length(level) + c, d) /
                                           static_cast<double>(options.key.count(level, c));
        }
      return fine;
    };
    parts.key.push_back(unpool(coarse.key, inputs.key.shape));
    parts.value.push_back(unpool(coarse.value, inputs.value.shape));
  }
  return parts;
}

#define LLSA_INSTANTIATE(T)                                                                                            \
  template void attend_backward(const AttentionInputs<T>&, const Pyramid<Accumulate<T>>&,                              \
                                const Pyramid<Accumulate<T>>&, const Selection&, const ResolvedOptions&,               \
                                const AttentionOutputs<T>&, const AttentionOutputGradients<T>&,                        \
                                const AttentionGradients<T>&, ThreadPool&, KeyMajor);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::reference
