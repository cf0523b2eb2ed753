#include "cuda/host_attention.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "cuda/buffer.hpp"
#include "cuda/device_attention.hpp"
#include "cuda/packing.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

template <class T>
class State final : public AttentionState {
 public:
  explicit State(ResolvedOptions resolved) : AttentionState(std::move(resolved)) {}
  const Selection& selection() const override { return lists; }

  Selection lists;
  Shape query, key, value;
  AttendProblem<T> problem;  // without pointers
  Buffer<std::byte> saved;
};

Shape padded(Shape shape) {
  shape.dim = padded_dim(shape.dim);
  return shape;
}

/// The packed copy of a view on the device. The host copy must live until the stream is synchronised, hence the pair.
template <class T>
struct Upload {
  Upload(TensorView<const T> view, std::int64_t row, Stream stream)
      : host(packed(view, row)), device(upload(std::span<const T>(host), stream)) {}
  std::vector<T> host;
  Buffer<T> device;
};

template <class T>
struct Inputs {
  Inputs(const AttentionInputs<T>& in, AttendProblem<T>& problem, Stream stream)
      : query(in.query, problem.head_dim, stream),
        key(in.key, problem.head_dim, stream),
        value(in.value, problem.value_dim, stream) {
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

  std::unique_ptr<AttentionState> forward(const AttentionInputs<T>& inputs, const Options& options,
                                          const AttentionOutputs<T>& outputs, const Selection* given) override {
    const ResolvedOptions resolved = resolve(options, inputs.query.shape, inputs.key.shape, inputs.value.shape);
    check_output_shapes(inputs, outputs);
    const std::int64_t heads = inputs.query.shape.batch * inputs.query.shape.heads;
    if (given) validate(*given, resolved, heads);

    const Stream stream = stream_.get();
    auto state = std::make_unique<State<T>>(resolved);
    state->query = inputs.query.shape;
    state->key = inputs.key.shape;
    state->value = inputs.value.shape;
    state->problem = make_problem<T>(resolved, padded(state->query), padded(state->value), given);
    state->saved = Buffer<std::byte>(saved_bytes(state->problem));
    const Levels& levels = state->problem.levels;
    std::int32_t* const d_lists = saved_lists(state->problem, state->saved.data());
    if (given) copy_lists_to_device(*given, levels, d_lists, stream);

    ForwardParams<T> params{.problem = state->problem, .lists = given ? Lists::given : Lists::select};
    const Inputs<T> device_inputs(inputs, params.problem, stream);
    const auto output = room<T>(state->query, params.problem.value_dim);
    const auto lse = room<float>(state->query, 1);
    const Buffer<std::byte> workspace(forward_workspace(params.problem));
    params.d_output = output.data();
    params.d_lse = lse.data();
    params.d_saved = state->saved.data();
    params.d_workspace = workspace.data();
    params.workspace_bytes = workspace.bytes();
    cuda::forward(params, stream);

    state->lists = given ? *given : copy_lists_to_host(resolved, levels, d_lists, stream);
    const std::vector<T> host_output = download(output, stream);
    const std::vector<float> host_lse = download(lse, stream);
    unpack(host_output, params.problem.value_dim, outputs.output);
    unpack(host_lse, 1, outputs.lse);
    return state;
  }

  void backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                const AttentionOutputGradients<T>& output_gradients, const AttentionGradients<T>& gradients) override {
    const auto* saved = dynamic_cast<const State<T>*>(&state);
    if (!saved) throw Error("state was not made by this implementation's forward");
    if (inputs.query.shape != saved->query || inputs.key.shape != saved->key || inputs.value.shape != saved->value)
      throw Error("state was made by a forward pass over inputs of another shape");
    check_output_shapes(inputs, outputs);
    check_gradient_shapes(inputs, output_gradients, gradients);

    const Stream stream = stream_.get();
    BackwardParams<T> params{.problem = saved->problem};
    const std::int64_t dim = params.problem.head_dim, value_dim = params.problem.value_dim;
    const Inputs<T> device_inputs(inputs, params.problem, stream);
    const Upload<T> output(outputs.output, value_dim, stream),
        output_gradient(output_gradients.output, value_dim, stream);
    const Upload<float> lse(outputs.lse, 1, stream);
    std::optional<Upload<float>> lse_gradient;
    if (output_gradients.lse.data) lse_gradient.emplace(output_gradients.lse, 1, stream);
    const auto query = room<T>(saved->query, dim), key = room<T>(saved->key, dim),
               value = room<T>(saved->key, value_dim);
    const Buffer<std::byte> workspace(backward_workspace(params.problem));
    params.d_output = output.device.data();
    params.d_lse = lse.device.data();
    params.d_output_gradient = output_gradient.device.data();
    params.d_lse_gradient = lse_gradient ? lse_gradient->device.data() : nullptr;
    params.d_query_gradient = query.data();
    params.d_key_gradient = key.data();
    params.d_value_gradient = value.data();
    params.d_saved = saved->saved.data();
    params.d_workspace = workspace.data();
    params.workspace_bytes = workspace.bytes();
    cuda::backward(params, stream);

    const std::vector<T> host_query = download(query, stream), host_key = download(key, stream),
                         host_value = download(value, stream);
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
