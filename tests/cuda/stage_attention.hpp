#pragma once

#include "cuda/attend/launch.hpp"
#include "cuda/attend_backward/launch.hpp"
#include "cuda/buffer.hpp"
#include "cuda/mask_backward/launch.hpp"
#include "reference/naive.hpp"
#include "reference/transpose.hpp"
#include "support/problem.hpp"
#include "support/selections.hpp"

// The stages `attend` and `attend_backward` on their own: everything around them (pooling, the selection, its
// transpose) is done here, on the host, by the oracle.
namespace llsa::cuda {

enum class Backward { transposed, mask };

/// How a test runs the stages.
struct StageRun {
  Stream stream;
  Backward backward = Backward::transposed;
  unsigned char garbage = 0xff;  ///< what outputs and workspace hold before
  bool with_lse_gradient = true;
};

struct StageOutputs {
  Tensor<double> output, lse;
};
struct StageGradients {
  Tensor<double> query, key, value;
};

/// A problem's tensors in device memory, and the stages applied to them. T is float, half or bfloat16.
template <class T>
class StageAttention {
 public:
  StageAttention(const testing::Problem<T>& problem, const Selection& selection, Stream stream)
      : options_(problem.options), case_(problem.parameters) {
    const std::int64_t heads = case_.batch * case_.heads;
    levels_ = make_levels(options_, heads, &selection);
    query_ = upload_view(problem.query.cview(), stream);
    key_ = upload_view(problem.key.cview(), stream);
    value_ = upload_view(problem.value.cview(), stream);
    output_gradient_ = upload_view(problem.output_gradient.cview(), stream);
    lse_gradient_ = upload_view(problem.lse_gradient.cview(), stream);
    coarse_key_ = pyramid(problem.key.cview(), stream);
    coarse_value_ = pyramid(problem.value.cview(), stream);

    std::vector<std::int32_t> lists, query_indices;
    std::vector<std::int64_t> offsets;
    for (int l = 1; l <= options_.levels; ++l) {
      const LevelSelection& level = selection.level(l);
      lists.insert(lists.end(), level.indices.begin(), level.indices.end());
      query_indices.resize(static_cast<std::size_t>(levels_.level[l].list), -1);
      offsets.push_back(0);
      for (std::int64_t head = 0; head < heads; ++head) {
        const TransposedList one = reference::transpose(level, head, options_.key.length(l));
        const std::int64_t base = offsets.back();
        for (std::size_t c = 1; c < one.offsets.size(); ++c) offsets.push_back(base + one.offsets[c]);
        query_indices.insert(query_indices.end(), one.query_indices.begin(), one.query_indices.end());
      }
    }
    query_indices.resize(static_cast<std::size_t>(levels_.list_entries), -1);
    lists_ = upload<std::int32_t>(lists, stream);
    query_indices_ = upload<std::int32_t>(query_indices, stream);
    offsets_ = upload<std::int64_t>(offsets, stream);
    output_ = Buffer<T>(static_cast<std::size_t>(case_.output_shape().size()));
    lse_ = Buffer<float>(static_cast<std::size_t>(case_.lse_shape().size()));
    synchronize(stream);
  }

  AttendProblem<T> problem() const {
    return {.levels = levels_,
            .head_dim = static_cast<std::int32_t>(case_.dim),
            .value_dim = static_cast<std::int32_t>(case_.value_dim),
            .scale = static_cast<float>(options_.scale),
            .reweight = options_.reweight,
            .disjoint = options_.coverage == Coverage::disjoint,
            .d_query = query_.data(),
            .d_key = key_.data(),
            .d_value = value_.data(),
            .d_coarse_key = coarse_key_.data(),
            .d_coarse_value = coarse_value_.data(),
            .d_lists = lists_.data()};
  }
  AttendParams<T> forward_params() const { return {problem(), output_.data(), lse_.data()}; }
  /// The gradients go where the inputs are: callers that run it put other memory there.
  AttendBackwardParams<T> backward_params() const {
    return {.problem = problem(),
            .d_output = output_.data(),
            .d_lse = lse_.data(),
            .d_output_gradient = output_gradient_.data(),
            .d_lse_gradient = lse_gradient_.data(),
            .d_offsets = offsets_.data(),
            .d_query_indices = query_indices_.data(),
            .d_query_gradient = query_.data(),
            .d_key_gradient = key_.data(),
            .d_value_gradient = value_.data()};
  }

  StageOutputs forward(const StageRun& how) const {
    fill_device(output_.data(), how.garbage, output_.bytes(), how.stream);
    fill_device(lse_.data(), how.garbage, lse_.bytes(), how.stream);
    attend(forward_params(), how.stream);
    return {tensor(output_, case_.output_shape(), how.stream), tensor(lse_, case_.lse_shape(), how.stream)};
  }

  /// After `forward`.
  StageGradients backward(const StageRun& how) const {
    Buffer<T> query(query_.size()), key(key_.size()), value(value_.size());
    const int head_dim = static_cast<int>(case_.dim), value_dim = static_cast<int>(case_.value_dim);
    const Buffer<unsigned char> workspace(how.backward == Backward::mask
                                              ? mask_backward_workspace(levels_, head_dim, value_dim)
                                              : attend_backward_workspace(levels_, head_dim, value_dim));
    for (const Buffer<T>* gradient : {&query, &key, &value})
      fill_device(gradient->data(), how.garbage, gradient->bytes(), how.stream);
    fill_device(workspace.data(), how.garbage, workspace.bytes(), how.stream);
    AttendBackwardParams<T> params = backward_params();
    if (!how.with_lse_gradient) params.d_lse_gradient = nullptr;
    params.d_query_gradient = query.data();
    params.d_key_gradient = key.data();
    params.d_value_gradient = value.data();
    if (how.backward == Backward::mask)
      mask_backward(params, workspace.data(), workspace.bytes(), how.stream);
    else
      attend_backward(params, workspace.data(), workspace.bytes(), how.stream);
    return {tensor(query, case_.query_shape(), how.stream), tensor(key, case_.key_shape(), how.stream),
            tensor(value, case_.value_shape(), how.stream)};
  }

 private:
  template <class U>
  static Buffer<U> upload_view(TensorView<const U> view, Stream stream) {
    std::vector<U> flat;
    testing::for_each_index(view.shape, [&](auto b, auto h, auto t, auto d) { flat.push_back(view(b, h, t, d)); });
    return upload<U>(flat, stream);
  }
  Buffer<T> pyramid(TensorView<const T> view, Stream stream) const {
    const Tensor<double> exact = compare::in_double(view);
    std::vector<T> rows;
    for (const Tensor<double>& level : reference::naive_pool(exact.view(), options_.key))
      for (double x : level.flat()) rows.push_back(static_cast<T>(static_cast<float>(x)));
    return upload<T>(rows, stream);
  }
  template <class U>
  static Tensor<double> tensor(const Buffer<U>& buffer, const Shape& shape, Stream stream) {
    const std::vector<U> values = download(buffer, stream);
    Tensor<double> result(shape);
    for (std::size_t i = 0; i < values.size(); ++i)
      result.flat()[i] = static_cast<double>(static_cast<float>(values[i]));
    return result;
  }

  ResolvedOptions options_;
  testing::Case case_;
  Levels levels_;
  Buffer<T> query_, key_, value_, output_gradient_, coarse_key_, coarse_value_;
  Buffer<float> lse_gradient_;
  Buffer<std::int32_t> lists_, query_indices_;
  Buffer<std::int64_t> offsets_;
  Buffer<T> output_;
  Buffer<float> lse_;
};

}  // namespace llsa::cuda
