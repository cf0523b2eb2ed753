#include "reference/baselines/vsa.hpp"

#include <type_traits>

#include "reference/pool.hpp"

namespace llsa::reference {
namespace {

/// Level 1 of a tensor's pyramid, as stored.
template <class T>
Tensor<T> pooled(TensorView<const T> x, const Hierarchy& hierarchy, ThreadPool& threads) {
  Pyramid<Accumulate<T>> pyramid = pool(x, hierarchy, threads);
  Tensor<Accumulate<T>>& means = pyramid.coarse.front();
  if constexpr (std::is_same_v<T, Accumulate<T>>) {
    return std::move(means);
  } else {
    Tensor<T> stored(means.shape());
    for (std::int64_t i = 0; i < means.shape().size(); ++i) stored.data()[i] = static_cast<T>(means.data()[i]);
    return stored;
  }
}

/// Calls `work(head, block, tokens)` for every level-1 token of every head.
template <class Work>
void for_each_block(const Hierarchy& hierarchy, std::int64_t heads, ThreadPool& threads, const Work& work) {
  const std::int64_t blocks = hierarchy.length(1);
  threads.parallel_for(heads * blocks, [&](std::int64_t item, int) {
    work(item / blocks, item % blocks, hierarchy.children(1, item % blocks));
  });
}

/// One head of a gate; one where it was left out.
template <class T>
class Gate {
 public:
  using C = Accumulate<T>;
  Gate(const TensorView<const T>& gate, std::int64_t head) : view_(gate.data ? gate.head(head) : HeadView<const T>{}) {}
  C operator()(std::int64_t i) const { return view_.data ? static_cast<C>(view_(i, 0)) : C{1}; }

 private:
  HeadView<const T> view_;
};

template <class T>
Accumulate<T> dot(const HeadView<const T>& a, std::int64_t i, const HeadView<const T>& b, std::int64_t j) {
  Accumulate<T> sum{0};
  for (std::int64_t d = 0; d < a.dim; ++d)
    sum += static_cast<Accumulate<T>>(a(i, d)) * static_cast<Accumulate<T>>(b(j, d));
  return sum;
}

/// Every fine token of a block receives the block's gradient divided by its count: the gradient of a mean.
template <class T>
void add_unpooled(const Tensor<T>& coarse, const Hierarchy& hierarchy, const TensorView<T>& fine, ThreadPool& threads) {
  using C = Accumulate<T>;
  for_each_block(hierarchy, fine.shape.batch * fine.shape.heads, threads,
                 [&](std::int64_t head, std::int64_t t, TokenRange tokens) {
                   const HeadView<const T> from = coarse.view().head(head);
                   const HeadView<T> to = fine.head(head);
                   const C share = C{1} / static_cast<C>(tokens.size());
                   for (std::int64_t i = tokens.begin; i < tokens.end; ++i)
                     for (std::int64_t d = 0; d < to.dim; ++d)
                       to(i, d) = static_cast<T>(static_cast<C>(to(i, d)) + share * static_cast<C>(from(t, d)));
                 });
}

}  // namespace

template <class T>
std::unique_ptr<AttentionState> VsaAttention<T>::do_forward(const AttentionInputs<T>& inputs,
                                                            const ResolvedOptions& options,
                                                            const AttentionOutputs<T>& outputs,
                                                            const Selection* given) {
  using C = Accumulate<T>;
  auto state = this->sparse_forward(inputs, options, outputs, given);
  const Branch<T>& sparse = *state->sparse;
  PooledBranch<T>& coarse = *state->added;

  coarse.query = pooled(inputs.query, options.query, *threads_);
  coarse.key = pooled(inputs.key, options.key, *threads_);
  coarse.value = pooled(inputs.value, options.key, *threads_);
  Shape shape = outputs.output.shape;
  shape.tokens = options.query.length(1);
  coarse.branch.output = Tensor<T>(shape);
  coarse.lse = Tensor<C>({shape.batch, shape.heads, shape.tokens, 1});
  const Options dense{.block_size = options.block_size, .levels = 0, .scale = options.scale};
  coarse.branch.state = inner_->forward(coarse.inputs(), dense, coarse.outputs(), nullptr);

  const TensorView<const T> gate_sparse = named(inputs.extras, "gate_sparse"),
                            gate_coarse = named(inputs.extras, "gate_coarse");
  for_each_block(options.query, shape.batch * shape.heads, *threads_,
                 [&](std::int64_t head, std::int64_t t, TokenRange tokens) {
                   const Gate<T> g(gate_sparse, head), h(gate_coarse, head);
                   const HeadView<const T> near = sparse.output.cview().head(head);
                   const HeadView<const T> far = coarse.branch.output.cview().head(head);
                   const HeadView<T> sum = outputs.output.head(head);
                   for (std::int64_t i = tokens.begin; i < tokens.end; ++i)
                     for (std::int64_t d = 0; d < sum.dim; ++d)
                       sum(i, d) = static_cast<T>(g(i) * static_cast<C>(near(i, d)) + h(i) * static_cast<C>(far(t, d)));
                 });
  return state;
}

template <class T>
void VsaAttention<T>::do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                                  const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                                  const AttentionGradients<T>& gradients) {
  using C = Accumulate<T>;
  const auto& saved = static_cast<const typename Base::State&>(state);
  const Hierarchy& queries = saved.options().query;
  const std::int64_t heads = inputs.query.shape.batch * inputs.query.shape.heads;
  const Branch<T>& sparse = *saved.sparse;
  PooledBranch<T>& coarse = *saved.added;

  // What reaches each branch's output, and the gates: <dO, the branch's output>.
  const TensorView<const T> gate_sparse = named(inputs.extras, "gate_sparse"),
                            gate_coarse = named(inputs.extras, "gate_coarse");
  const TensorView<T> gate_gradients[] = {named(gradients.extras, "gate_sparse"),
                                          named(gradients.extras, "gate_coarse")};
  Tensor<T> near_gradients(outputs.output.shape), far_gradients(coarse.branch.output.shape());
  for_each_block(queries, heads, *threads_, [&](std::int64_t head, std::int64_t t, TokenRange tokens) {
    const Gate<T> g(gate_sparse, head), h(gate_coarse, head);
    const HeadView<const T> output_gradient = output_gradients.output.head(head);
    const HeadView<const T> near = sparse.output.cview().head(head), far = coarse.branch.output.cview().head(head);
    const HeadView<T> near_gradient = near_gradients.view().head(head), far_gradient = far_gradients.view().head(head);
    for (std::int64_t d = 0; d < output_gradient.dim; ++d) {
      C sum{0};
      for (std::int64_t i = tokens.begin; i < tokens.end; ++i) {
        near_gradient(i, d) = static_cast<T>(g(i) * static_cast<C>(output_gradient(i, d)));
        sum += h(i) * static_cast<C>(output_gradient(i, d));
      }
      far_gradient(t, d) = static_cast<T>(sum);
    }
    for (std::int64_t i = tokens.begin; i < tokens.end; ++i) {
      if (gate_gradients[0].data) gate_gradients[0].head(head)(i, 0) = static_cast<T>(dot(output_gradient, i, near, i));
      if (gate_gradients[1].data) gate_gradients[1].head(head)(i, 0) = static_cast<T>(dot(output_gradient, i, far, t));
    }
  });

  this->sparse_backward(inputs, outputs, saved, {near_gradients.cview(), output_gradients.lse}, gradients);
  Tensor<T> query(coarse.query.shape()), key(coarse.key.shape()), value(coarse.value.shape());
  inner_->backward(coarse.inputs(), coarse.outputs(), *coarse.branch.state, {far_gradients.cview(), {}},
                   {query.view(), key.view(), value.view()});
  add_unpooled(query, queries, gradients.query, *threads_);
  add_unpooled(key, saved.options().key, gradients.key, *threads_);
  add_unpooled(value, saved.options().key, gradients.value, *threads_);
}

template class VsaAttention<float>;
template class VsaAttention<double>;
template class VsaAttention<half>;
template class VsaAttention<bfloat16>;

}  // namespace llsa::reference
