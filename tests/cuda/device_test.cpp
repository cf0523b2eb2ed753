// Forward and backward on device memory: errors before anything is queued, and bits that depend on the inputs alone. On
// the executor and, with the label gpu, on the device.
#include "cuda/device.hpp"

#include <gtest/gtest.h>

#if !defined(LLSA_SIMT)
#include <cuda_runtime.h>
#endif

#include "cuda/buffer.hpp"
#include "cuda/device_attention.hpp"
#include "cuda/packing.hpp"
#include "support/check.hpp"
#include "support/problem.hpp"

namespace llsa::cuda {
namespace {

using llsa::testing::Case;
using llsa::testing::Problem;

/// A problem's tensors and everything that forward and backward need, on the device, all of it filled with `garbage`
/// first.
template <class T>
class OnDevice {
 public:
  OnDevice(const Problem<T>& problem, unsigned char garbage, Stream stream) : stream_(stream) {
    const Case& c = problem.parameters;
    const std::int64_t queries = c.batch * c.heads * c.query_tokens, keys = c.batch * c.heads * c.key_tokens;
    base_ = make_problem<T>(problem.options, c.query_shape(), c.value_shape());
    base_.d_query = input(problem.query.cview()), base_.d_key = input(problem.key.cview());
    base_.d_value = input(problem.value.cview());
    forward_.problem = base_;
    forward_.d_output = room(output_, queries * c.value_dim, garbage);
    forward_.d_lse = room(lse_, queries, garbage);
    forward_.d_saved = room(saved_, static_cast<std::int64_t>(saved_bytes(base_)), garbage);
    forward_.workspace_bytes = forward_workspace(base_);
    forward_.d_workspace = room(workspace_, static_cast<std::int64_t>(forward_.workspace_bytes), garbage);
    backward_.problem = base_;
    backward_.d_output = forward_.d_output, backward_.d_lse = forward_.d_lse;
    backward_.d_output_gradient = input(problem.output_gradient.cview());
    backward_.d_query_gradient = room(query_gradient_, queries * c.dim, garbage);
    backward_.d_key_gradient = room(key_gradient_, keys * c.dim, garbage);
    backward_.d_value_gradient = room(value_gradient_, keys * c.value_dim, garbage);
    backward_.d_saved = forward_.d_saved;
    backward_.workspace_bytes = backward_workspace(base_);
    backward_.d_workspace = room(backward_memory_, static_cast<std::int64_t>(backward_.workspace_bytes), garbage);
    synchronize(stream_);
  }

  ForwardParams<T>& forward_params() { return forward_; }
  BackwardParams<T>& backward_params() { return backward_; }
  void run_forward() { forward(forward_, stream_); }
  void run_backward() { backward(backward_, stream_); }

  /// Every result's bytes, one after the other.
  std::vector<unsigned char> results() {
    std::vector<unsigned char> bytes;
    const auto append = [&](const auto& buffer) {
      const auto values = download(buffer, stream_);
      const auto* begin = reinterpret_cast<const unsigned char*>(values.data());
      bytes.insert(bytes.end(), begin, begin + buffer.bytes());
    };
    append(output_), append(lse_), append(query_gradient_), append(key_gradient_), append(value_gradient_);
    return bytes;
  }

 private:
  T* input(TensorView<const T> view) {
    host_.push_back(packed(view, view.shape.dim));
    inputs_.push_back(upload(std::span<const T>(host_.back()), stream_));
    return inputs_.back().data();
  }
  template <class E>
  E* room(Buffer<E>& buffer, std::int64_t count, unsigned char garbage) {
    buffer = Buffer<E>(static_cast<std::size_t>(count));
    fill_device(buffer.data(), garbage, buffer.bytes(), stream_);
    return buffer.data();
  }

  Stream stream_;
  AttendProblem<T> base_;
  ForwardParams<T> forward_;
  BackwardParams<T> backward_;
  std::vector<std::vector<T>> host_;
  std::vector<Buffer<T>> inputs_;
  Buffer<T> output_, query_gradient_, key_gradient_, value_gradient_;
  Buffer<float> lse_;
  Buffer<std::byte> saved_, workspace_, backward_memory_;
};

Case typical(std::uint64_t seed) {
  Case c;
  c.batch = 2;
  c.heads = 2;
  c.query_tokens = 150;
  c.key_tokens = 131;
  c.dim = 32;
  c.value_dim = 40;
  c.options = {.block_size = 4, .levels = 3, .top_k = {3, 4, 3}};
  c.seed = seed;
  return c;
}

/// The sizes that the tensor-core kernels are tuned for, with whole and with ragged tiles.
Case tuned(std::uint64_t seed) {
  Case c = typical(seed);
  c.batch = 1;
  c.query_tokens = 600;
  c.key_tokens = 1300;
  c.dim = c.value_dim = 64;
  c.options = {.block_size = 16, .levels = 2, .top_k = {3, 4}};
  return c;
}

template <class T>
std::vector<unsigned char> results_of(const Problem<T>& problem, unsigned char garbage, Stream stream) {
  OnDevice<T> run(problem, garbage, stream);
  run.run_forward();
  run.run_backward();
  return run.results();
}

template <class T>
class Device : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_unavailable()) GTEST_SKIP() << *why;
  }
};
using StorageTypes = ::testing::Types<float, half, bfloat16>;
TYPED_TEST_SUITE(Device, StorageTypes);

TYPED_TEST(Device, what_memory_held_before_does_not_show_in_the_results) {
  for (const Case& c : {typical(1), tuned(1)}) {
    const Problem<TypeParam> problem(c);
    const auto expected = results_of(problem, 0xff, {});
    EXPECT_EQ(results_of(problem, 0x00, {}), expected);
    EXPECT_EQ(results_of(problem, 0x41, {}), expected);
  }
}

#if defined(LLSA_SIMT)
TYPED_TEST(Device, no_order_of_blocks_and_threads_changes_a_bit) {
  for (const Case& c : {typical(2), tuned(2)}) {
    const Problem<TypeParam> problem(c);
    const auto expected = results_of(problem, 0xff, {});
    EXPECT_EQ(results_of(problem, 0xff, Stream{{2, simt::Order::descending, 0}}), expected);
    for (const std::uint64_t seed : {1, 2})
      EXPECT_EQ(results_of(problem, 0xff, Stream{{1, simt::Order::shuffled, seed}}), expected);
  }
}

TYPED_TEST(Device, no_limit_of_shared_memory_changes_a_bit) {
  for (const Case& c : {typical(3), tuned(3)}) {
    const Problem<TypeParam> problem(c);
    const auto expected = results_of(problem, 0xff, {});
    for (const std::size_t kilobytes : {99, 163})
      EXPECT_EQ(results_of(problem, 0xff, Stream{{.shared_limit = kilobytes * 1024}}), expected);
  }
}
#endif

TYPED_TEST(Device, problems_queued_in_turns_on_several_streams_do_not_disturb_each_other) {
  const Problem<TypeParam> first_problem(typical(3)), second_problem(typical(4));
  const OwnedStream one, two;
  OnDevice<TypeParam> first(first_problem, 0xff, one.get()), second(second_problem, 0xff, two.get());
  first.run_forward();
  second.run_forward();
  second.run_backward();
  first.run_backward();
  EXPECT_EQ(first.results(), results_of(first_problem, 0xff, {}));
  EXPECT_EQ(second.results(), results_of(second_problem, 0xff, {}));
}

#if !defined(LLSA_SIMT)
TYPED_TEST(Device, a_graph_that_captured_both_passes_gives_the_bits_of_a_plain_run_each_time_it_is_launched) {
  for (const Case& c : {typical(8), tuned(8)}) {
    const Problem<TypeParam> problem(c);
    const OwnedStream stream;
    OnDevice<TypeParam> run(problem, 0xff, stream.get());
    const cudaStream_t handle = stream.get().handle;
    ASSERT_EQ(cudaStreamBeginCapture(handle, cudaStreamCaptureModeGlobal), cudaSuccess);
    run.run_forward();
    run.run_backward();
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(handle, &graph), cudaSuccess);
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    const auto expected = results_of(problem, 0xff, {});
    EXPECT_NE(run.results(), expected) << "a capture runs nothing";
    for (int launch = 0; launch < 2; ++launch) {
      ASSERT_EQ(cudaGraphLaunch(executable, handle), cudaSuccess);
      EXPECT_EQ(run.results(), expected);
    }
    EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
}
#endif

using DeviceFloat = Device<float>;

TEST_F(DeviceFloat, misuse_is_an_error_that_names_the_argument_and_queues_nothing) {
  const Problem<float> problem(typical(5));
  OnDevice<float> run(problem, 0xff, {});
  const auto before = run.results();
  const auto rejects = [&](const std::string& message, auto change) {
    ForwardParams<float> params = run.forward_params();
    change(params);
    llsa::testing::expect_error(message, [&] { forward(params, Stream{}); });
  };
  const std::size_t needed = run.forward_params().workspace_bytes;
  rejects(
      "forward: the workspace has " + std::to_string(needed - 1) + " bytes; " + std::to_string(needed) + " are needed",
      [](auto& p) { --p.workspace_bytes; });
  rejects("forward: the workspace must start at a multiple of 256 bytes",
          [](auto& p) { p.d_workspace = static_cast<std::byte*>(p.d_workspace) + 16; });
  EXPECT_THROW(
      {
        ForwardParams<float> params = run.forward_params();
        ++params.d_output;
        forward(params, Stream{});
      },
      Error);
  for (const auto member : {&BackwardParams<float>::d_query_gradient, &BackwardParams<float>::d_key_gradient,
                            &BackwardParams<float>::d_value_gradient}) {
    BackwardParams<float> params = run.backward_params();
    params.*member += 1;
    EXPECT_THROW(backward(params, Stream{}), Error);
    params.*member = nullptr;
    EXPECT_THROW(backward(params, Stream{}), Error);
  }
  BackwardParams<float> small = run.backward_params();
  --small.workspace_bytes;
  EXPECT_THROW(backward(small, Stream{}), Error);
  EXPECT_EQ(run.results(), before);
}

TEST_F(DeviceFloat, head_dimensions_that_the_kernels_do_not_take_are_an_error) {
  Case c = typical(6);
  for (const std::int64_t dim : {4, 12, 264}) {
    c.dim = dim;
    llsa::testing::expect_error("head_dim is " + std::to_string(dim) + "; cuda takes multiples of 8 from 8 to 256",
                                [&] { make_problem<float>(c.resolved(), c.query_shape(), c.value_shape()); });
  }
  c.dim = 8;
  c.value_dim = 20;
  llsa::testing::expect_error("value_dim is 20; cuda takes multiples of 8 from 8 to 256",
                              [&] { make_problem<float>(c.resolved(), c.query_shape(), c.value_shape()); });
}

#if !defined(LLSA_SIMT)
TEST_F(DeviceFloat, host_memory_is_an_error) {
  const Problem<float> problem(typical(7));
  OnDevice<float> run(problem, 0xff, {});
  alignas(256) static float host[1024] = {};
  ForwardParams<float> params = run.forward_params();
  params.d_output = host;
  llsa::testing::expect_error("forward: output points to host memory; it must be device memory",
                              [&] { forward(params, Stream{}); });
}
#endif

}  // namespace
}  // namespace llsa::cuda
