#include "device_attend.hpp"

#include <algorithm>

#include "cuda/device.hpp"
#include "cuda/device_attention.hpp"
#include "llsa/error.hpp"

namespace pyllsa {
namespace {

using namespace llsa;

template <class T>
cuda::AttendProblem<T> problem_of(const DeviceProblem& problem) {
  const Shape query{1, problem.heads, problem.queries, problem.dim}, key{1, problem.heads, problem.keys, problem.dim},
      value{1, problem.heads, problem.keys, problem.value_dim};
  return cuda::make_problem<T>(resolve(problem.options, query, key, value), query, value);
}

template <class T, class Memory>
cuda::AttendProblem<T> problem_in(const DeviceProblem& problem, const Memory& memory) {
  cuda::AttendProblem<T> result = problem_of<T>(problem);
  result.d_query = reinterpret_cast<const T*>(memory.query);
  result.d_key = reinterpret_cast<const T*>(memory.key);
  result.d_value = reinterpret_cast<const T*>(memory.value);
  return result;
}

cuda::Stream stream_of([[maybe_unused]] std::uintptr_t handle) {
#if defined(LLSA_SIMT)
  return {};
#else
  return {reinterpret_cast<CUstream_st*>(handle)};
#endif
}

template <class Work>
void with_device_type(DType dtype, const Work& work) {
  switch (dtype) {
    case DType::f16:
      return work(half{});
    case DType::bf16:
      return work(bfloat16{});
    case DType::f32:
      return work(float{});
    case DType::f64:
      throw Error("float64 is not computed on CUDA devices; float32, float16 and bfloat16 are");
  }
}

}  // namespace

DeviceSizes device_sizes(const DeviceProblem& problem) {
  DeviceSizes sizes;
  with_device_type(problem.dtype, [&]<class T>(T) {
    const cuda::AttendProblem<T> attend = problem_of<T>(problem);
    sizes.saved = cuda::saved_bytes(attend);
    sizes.workspace = std::max(cuda::forward_workspace(attend), cuda::backward_workspace(attend));
    for (int l = 1; l <= attend.levels.levels; ++l) sizes.widths.push_back(attend.levels.level[l].width);
  });
  return sizes;
}

void device_forward(const DeviceProblem& problem, const DeviceForward& memory, std::size_t workspace_bytes, bool given,
                    std::uintptr_t stream) {
  with_device_type(problem.dtype, [&]<class T>(T) {
    cuda::forward<T>({.problem = problem_in<T>(problem, memory),
                      .lists = given ? cuda::Lists::given : cuda::Lists::select,
                      .d_output = reinterpret_cast<T*>(memory.output),
                      .d_lse = reinterpret_cast<float*>(memory.lse),
                      .d_saved = reinterpret_cast<void*>(memory.saved),
                      .d_workspace = reinterpret_cast<void*>(memory.workspace),
                      .workspace_bytes = workspace_bytes},
                     stream_of(stream));
  });
}

void device_backward(const DeviceProblem& problem, const DeviceBackward& memory, std::size_t workspace_bytes,
                     std::uintptr_t stream) {
  with_device_type(problem.dtype, [&]<class T>(T) {
    const cuda::AttendProblem<T> attend = problem_in<T>(problem, memory);
    void* const d_saved = reinterpret_cast<void*>(memory.saved);
    void* const d_workspace = reinterpret_cast<void*>(memory.workspace);
    cuda::restore(attend, d_saved, d_workspace, workspace_bytes, stream_of(stream));
    cuda::backward<T>({.problem = attend,
                       .d_output = reinterpret_cast<const T*>(memory.output),
                       .d_lse = reinterpret_cast<const float*>(memory.lse),
                       .d_output_gradient = reinterpret_cast<const T*>(memory.output_gradient),
                       .d_lse_gradient = reinterpret_cast<const float*>(memory.lse_gradient),
                       .d_query_gradient = reinterpret_cast<T*>(memory.query_gradient),
                       .d_key_gradient = reinterpret_cast<T*>(memory.key_gradient),
                       .d_value_gradient = reinterpret_cast<T*>(memory.value_gradient),
                       .d_saved = d_saved,
                       .d_workspace = d_workspace,
                       .workspace_bytes = workspace_bytes},
                      stream_of(stream));
  });
}

std::string device_unavailable() { return cuda::why_unavailable().value_or(""); }

}  // namespace pyllsa
