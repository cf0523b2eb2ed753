#include "reference/baselines/sla.hpp"

#include "reference/baselines/linear_attention.hpp"

namespace llsa::reference {
namespace {

/// Both extras as matrices: W_p `[Dv, Dv]` and b_p `[1, Dv]`; empty when left out.
template <class T>
Matrix<Accumulate<T>> matrix_of(const TensorView<const T>& extra) {
  return extra.data ? rows_matrix(extra.head(0), 0, extra.shape.tokens) : Matrix<Accumulate<T>>();
}

template <class T, class C>
void store_sum(const std::vector<Matrix<C>>& parts, const TensorView<T>& to) {
  Matrix<C> sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) sum += parts[i];
  for (Eigen::Index i = 0; i < sum.rows(); ++i)
    for (Eigen::Index d = 0; d < sum.cols(); ++d) to(0, 0, i, d) = static_cast<T>(sum(i, d));
}

}  // namespace

template <class T>
std::unique_ptr<AttentionState> SlaAttention<T>::do_forward(const AttentionInputs<T>& inputs,
                                                            const ResolvedOptions& options,
                                                            const AttentionOutputs<T>& outputs,
                                                            const Selection* given) {
  using C = Accumulate<T>;
  auto state = this->sparse_forward(inputs, options, outputs, given);
  const Branch<T>& sparse = *state->sparse;

  const Matrix<C> weight = matrix_of(named(inputs.extras, "w_p"));
  const Matrix<C> offset = matrix_of(named(inputs.extras, "b_p"));
  const auto write = [&](std::int64_t head, std::int64_t first, Matrix<C> added) {
    if (offset.size() > 0) added.rowwise() += offset.row(0);
    const HeadView<const T> near = sparse.output.cview().head(head);
    const HeadView<T> sum = outputs.output.head(head);
    for (Eigen::Index i = 0; i < added.rows(); ++i)
      for (Eigen::Index d = 0; d < added.cols(); ++d)
        sum(first + i, d) = static_cast<T>(static_cast<C>(near(first + i, d)) + added(i, d));
  };
  if (weight.size() == 0) {
    // Without a projection the linear branch adds exactly nothing, whatever its values are.
    threads_->parallel_for(inputs.query.shape.batch * inputs.query.shape.heads, [&](std::int64_t head, int) {
      write(head, 0, Matrix<C>::Zero(inputs.query.shape.tokens, inputs.value.shape.dim));
    });
    return state;
  }
  const auto summaries = summarise_keys(inputs.key, inputs.value, *threads_);
  const auto add_linear = [&](const LinearChunk<C>& chunk) {
    write(chunk.head, chunk.first, chunk.output * weight.transpose());
  };
  for_each_linear_chunk<T>(inputs.query, summaries, add_linear, *threads_);
  return state;
}

template <class T>
void SlaAttention<T>::do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                                  const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                                  const AttentionGradients<T>& gradients) {
  using C = Accumulate<T>;
  const auto& saved = static_cast<const typename Base::State&>(state);
  this->sparse_backward(inputs, outputs, saved, output_gradients, gradients);

  const std::int64_t heads = inputs.query.shape.batch * inputs.query.shape.heads;
  if (const TensorView<T> gradient = named(gradients.extras, "b_p"); gradient.data) {
    std::vector<Matrix<C>> parts(static_cast<std::size_t>(heads));
    threads_->parallel_for(heads, [&](std::int64_t head, int) {
      const HeadView<const T> rows = output_gradients.output.head(head);
      parts[static_cast<std::size_t>(head)] = rows_matrix(rows, 0, rows.tokens).colwise().sum();
    });
    store_sum(parts, gradient);
  }
  const Matrix<C> weight = matrix_of(named(inputs.extras, "w_p"));
  const TensorView<T> weight_gradient = named(gradients.extras, "w_p");
  if (weight.size() == 0 && !weight_gradient.data) return;

  const auto summaries = summarise_keys(inputs.key, inputs.value, *threads_);
  const auto chunks = static_cast<std::size_t>(linear_chunks(inputs.query.shape));
  std::vector<Matrix<C>> weight_parts(chunks);
  std::vector<KeySummary<C>> summary_parts(chunks);
  const auto queries = [&](const LinearChunk<C>& chunk) {
    const Matrix<C> output_gradient =
        rows_matrix(output_gradients.output.head(chunk.head), chunk.first, chunk.output.rows());
    const auto part = static_cast<std::size_t>(chunk.part);
    if (weight_gradient.data) weight_parts[part] = output_gradient.transpose() * chunk.output;
    if (weight.size() > 0)
      summary_parts[part] = linear_query_gradient<T>(chunk, summaries[static_cast<std::size_t>(chunk.key_head)],
                                                     output_gradient * weight, gradients.query.head(chunk.head));
  };
  for_each_linear_chunk<T>(inputs.query, summaries, queries, *threads_);
  if (weight_gradient.data) store_sum(weight_parts, weight_gradient);
  if (weight.size() > 0)
    linear_key_gradient<T>(inputs.key, inputs.value,
                           sum_of_parts(std::move(summary_parts), saved.shapes().key.batch * saved.shapes().key.heads),
                           gradients.key, gradients.value, *threads_);
}

template class SlaAttention<float>;
template class SlaAttention<double>;
template class SlaAttention<half>;
template class SlaAttention<bfloat16>;

}  // namespace llsa::reference
