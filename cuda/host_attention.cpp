#include "cuda/host_attention.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "cuda/buffer.hpp"
#include "cuda/device_attention.hpp"
#include "cuda/packing.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

template <class T>
class State final : public AttentionState {
 public:
  using AttentionState::AttentionState;
  const Selection& selection() const override { return lists; }

  Selection lists;
  AttendProblem<T> problem;  // without pointers
  Buffer<std::byte> saved;
};

Shape padded(Shape shape) {
  shape.dim = padded_dim(shape.dim);
  return shape;
}

/// One head for every query head, each of `group` of them a copy (spec section 9); the packed rows of `packed`.
template <class T>
std::vector<T> packed_for_each_query(TensorView<const T> view, std::int64_t row, std::int64_t group) {
  const std::vector<T> once = packed(view, row);
  if (group == 1) return once;
  const auto head = static_cast<std::ptrdiff_t>(view.shape.tokens * row);
  std::vector<T> repeated;
  repeated.reserve(once.size() * static_cast<std::size_t>(group));
  for (auto from = once.begin(); from != once.end(); from += head)
    for (std::int64_t member = 0; member < group; ++member) repeated.insert(repeated.end(), from, from + head);
  return repeated;
}

/// The gradients of the copies of a head summed, first to last, in fp32.
template <class T>
std::vector<T> sum_over_group(std::vector<T> each, std::int64_t head, std::int64_t group) {
  if (group == 1) return each;
  std::vector<T> sums(each.size() / static_cast<std::size_t>(group));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t size = static_cast<std::size_t>(head),
                      first = i / size * size * static_cast<std::size_t>(group) + i % size;
    float sum = static_cast<float>(each[first]);
    for (std::size_t member = 1; member < static_cast<std::size_t>(group); ++member)
      sum += static_cast<float>(each[first + member * size]);
    sums[i] = static_cast<T>(sum);
  }
  return sums;
}

/// The packed copy of a view on the device. The host copy must live until the stream is synchronised, hence the pair.
template <class T>
struct Upload {
  Upload(TensorView<const T> view, std::int64_t row, Stream stream, std::int64_t group = 1)
      : host(packed_for_each_query(view, row, group)), device(upload(std::span<const T>(host), stream)) {}
  std::vector<T> host;
  Buffer<T> device;
};

template <class T>
struct Inputs {
  Inputs(const AttentionInputs<T>& in, std::int64_t group, AttendProblem<T>& problem, Stream stream)
      : query(in.query, problem.head_dim, stream),
        key(in.key, problem.head_dim, stream, group),
        value(in.value, problem.value_dim, stream, group) {
    problem.d_query = query.device.data();
    problem.d_key = key.device.data();
    problem.d_value = value.device.data();
  }
  Upload<T> query, key, value;
};

template <class T>
Buffer<T> room(const Shape& shape, std::int64_t row) {
  return Buffer<T>(static_cast<std::size_t>(shape.batch * shape.heads * shape.tokens * row));
}

void copy_lists_to_device(const Selection& selection, const Levels& levels, std::int32_t* d_lists, Stream stream) {
  for (int l = 1; l <= levels.levels; ++l) {
    const auto& indices = selection.level(l).indices;
    copy_to_device(d_lists + levels.level[l].list, indices.data(), indices.size() * sizeof(std::int32_t), stream);
  }
}

Selection copy_lists_to_host(const ResolvedOptions& options, const Levels& levels, const std::int32_t* d_lists,
                             Stream stream) {
  Selection selection(levels.heads, options);
  for (int l = 1; l <= levels.levels; ++l) {
    auto& indices = selection.level(l).indices;
    copy_to_host(indices.data(), d_lists + levels.level[l].list, indices.size() * sizeof(std::int32_t), stream);
  }
  return selection;
}

template <class T>
class HostAttention final : public Attention<T> {
 public:
  HostAttention(std::string name, Stream stream) : name_(std::move(name)), stream_(stream) {}
  std::string name() const override { return name_; }

 protected:
  bool made(const AttentionState& state) const override { return dynamic_cast<const State<T>*>(&state) != nullptr; }

  std::unique_ptr<AttentionState> do_forward(const AttentionInputs<T>& inputs, const ResolvedOptions& options,
                                             const AttentionOutputs<T>& outputs, const Selection* given) override {
    const Stream stream = stream_.get();
    auto state = std::make_unique<State<T>>(options, inputs.shapes());
    const auto& [query, key, value] = state->shapes();
    state->problem = make_problem<T>(options, padded(query), padded(value), given);
    state->saved = Buffer<std::byte>(saved_bytes(state->problem));
    const Levels& levels = state->problem.levels;
    std::int32_t* const d_lists = saved_lists(state->problem, state->saved.data());
    if (given) copy_lists_to_device(*given, levels, d_lists, stream);

    ForwardParams<T> params{.problem = state->problem, .lists = given ? Lists::given : Lists::select};
    const Inputs<T> device_inputs(inputs, options.group, params.problem, stream);
    const auto output = room<T>(query, params.problem.value_dim);
    const auto lse = room<float>(query, 1);
    const Buffer<std::byte> workspace(forward_workspace(params.problem));
    params.d_output = output.data();
    params.d_lse = lse.data();
    params.d_saved = state->saved.data();
    params.d_workspace = workspace.data();
    params.workspace_bytes = workspace.bytes();
    cuda::forward(params, stream);

    state->lists = given ? *given : copy_lists_to_host(options, levels, d_lists, stream);
    const std::vector<T> host_output = download(output, stream);
    const std::vector<float> host_lse = download(lse, stream);
    unpack(host_output, params.problem.value_dim, outputs.output);
    unpack(host_lse, 1, outputs.lse);
    return state;
  }

  void do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                   const AttentionOutputGradients<T>& output_gradients,
                   const AttentionGradients<T>& gradients) override {
    const auto& saved = static_cast<const State<T>&>(state);
    const Stream stream = stream_.get();
    BackwardParams<T> params{.problem = saved.problem};
    const std::int64_t group = saved.options().group;
    const std::int64_t dim = params.problem.head_dim, value_dim = params.problem.value_dim;
    const Inputs<T> device_inputs(inputs, group, params.problem, stream);
    const Upload<T> output(outputs.output, value_dim, stream),
        output_gradient(output_gradients.output, value_dim, stream);
    const Upload<float> lse(outputs.lse, 1, stream);
    std::optional<Upload<float>> lse_gradient;
    if (output_gradients.lse.data) lse_gradient.emplace(output_gradients.lse, 1, stream);
    Shape key_shape = inputs.key.shape;
    key_shape.heads = inputs.query.shape.heads;
    const auto query = room<T>(inputs.query.shape, dim), key = room<T>(key_shape, dim),
               value = room<T>(key_shape, value_dim);
    const Buffer<std::byte> workspace(backward_workspace(params.problem));
    params.d_output = output.device.data();
    params.d_lse = lse.device.data();
    params.d_output_gradient = output_gradient.device.data();
    params.d_lse_gradient = lse_gradient ? lse_gradient->device.data() : nullptr;
    params.d_query_gradient = query.data();
    params.d_key_gradient = key.data();
    params.d_value_gradient = value.data();
    params.d_saved = saved.saved.data();
    params.d_workspace = workspace.data();
    params.workspace_bytes = workspace.bytes();
    cuda::backward(params, stream);

    const std::int64_t keys = key_shape.tokens;
    const std::vector<T> host_query = download(query, stream),
                         host_key = sum_over_group(download(key, stream), keys * dim, group),
                         host_value = sum_over_group(download(value, stream), keys * value_dim, group);
    unpack(host_query, dim, gradients.query);
    unpack(host_key, dim, gradients.key);
    unpack(host_value, value_dim, gradients.value);
  }

 private:
  std::string name_;
  OwnedStream stream_;
};

}  // namespace

template <class T>
std::unique_ptr<Attention<T>> make_host_attention(std::string name, Stream stream) {
  return std::make_unique<HostAttention<T>>(std::move(name), stream);
}

template std::unique_ptr<Attention<float>> make_host_attention(std::string, Stream);
template std::unique_ptr<Attention<half>> make_host_attention(std::string, Stream);
template std::unique_ptr<Attention<bfloat16>> make_host_attention(std::string, Stream);

}  // namespace llsa::cuda::inline LLSA_WORLD
