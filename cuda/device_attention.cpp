#include "cuda/device_attention.hpp"

#include <algorithm>
#include <vector>

#include "cuda/attend/launch.hpp"
#include "cuda/attend_backward/launch.hpp"
#include "cuda/device.hpp"
#include "cuda/pool/launch.hpp"
#include "cuda/select/launch.hpp"
#include "cuda/transpose/launch.hpp"
#include "cuda/workspace.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

template <class T>
struct Saved {
  std::int32_t* d_lists;
  T *d_coarse_key, *d_coarse_value;
};

template <class T>
Saved<T> carve_saved(const AttendProblem<T>& problem, Workspace& memory) {
  const Levels& levels = problem.levels;
  return {memory.take<std::int32_t>(levels.list_entries), memory.take<T>(levels.key_rows * problem.head_dim),
          memory.take<T>(levels.key_rows * problem.value_dim)};
}

template <class T>
AttendProblem<T> with_saved(AttendProblem<T> problem, void* d_saved) {
  Workspace memory(d_saved);
  const Saved<T> saved = carve_saved(problem, memory);
  problem.d_lists = saved.d_lists;
  problem.d_coarse_key = saved.d_coarse_key;
  problem.d_coarse_value = saved.d_coarse_value;
  return problem;
}

template <class T>
struct ForwardScratch {
  PoolParams<T> pool;
  SelectParams select;
  std::byte* d_pool;
  std::size_t pool_bytes;
};

/// With lists given, queries are not pooled and keys only in the storage type.
template <class T>
ForwardScratch<T> carve_forward(const AttendProblem<T>& problem, Lists lists, const Saved<T>& saved,
                                Workspace& memory) {
  const Levels& levels = problem.levels;
  float* const d_query = memory.take<float>(levels.query_rows * problem.head_dim);
  float* const d_key = memory.take<float>(levels.key_rows * problem.head_dim);
  const bool select = lists == Lists::select;
  ForwardScratch<T> scratch{};
  scratch.pool = {levels,
                  {{problem.d_key, problem.head_dim, false, select ? d_key : nullptr, saved.d_coarse_key},
                   {problem.d_value, problem.value_dim, false, nullptr, saved.d_coarse_value},
                   {problem.d_query, select ? problem.head_dim : 0, true, d_query, nullptr}}};
  scratch.pool_bytes = pool_workspace(scratch.pool);
  scratch.d_pool = memory.take<std::byte>(static_cast<std::int64_t>(scratch.pool_bytes));
  scratch.select = {levels, d_query, d_key, problem.head_dim, saved.d_lists};
  return scratch;
}

template <class T>
struct BackwardScratch {
  std::int64_t* d_offsets;
  std::int32_t* d_query_indices;
  std::byte* d_shared;  // first the transpose's, then the gradient's
  std::size_t shared_bytes;
};

template <class T>
BackwardScratch<T> carve_backward(const AttendProblem<T>& problem, Workspace& memory) {
  const Levels& levels = problem.levels;
  BackwardScratch<T> scratch{};
  scratch.d_offsets = memory.take<std::int64_t>(levels.offset_entries);
  scratch.d_query_indices = memory.take<std::int32_t>(levels.list_entries);
  scratch.shared_bytes =
      std::max(transpose_workspace(levels), attend_backward_workspace(levels, problem.head_dim, problem.value_dim));
  scratch.d_shared = memory.take<std::byte>(static_cast<std::int64_t>(scratch.shared_bytes));
  return scratch;
}

/// What both passes read, and `more`.
template <class T>
void check_pointers(const char* what, const AttendProblem<T>& problem, void* d_saved,
                    std::initializer_list<NamedPointer> more) {
  check_workspace(what, d_saved, saved_bytes(problem), saved_bytes(problem));
  std::vector<NamedPointer> pointers{{"query", problem.d_query},
                                     {"key", problem.d_key},
                                     {"value", problem.d_value},
                                     {"saved", d_saved, problem.levels.levels > 0}};
  pointers.insert(pointers.end(), more);
  for (const NamedPointer& each : pointers) check_pointer(what, each.name, each.address, each.required);
  check_on_device(what, pointers);
}

}  // namespace

template <class T>
AttendProblem<T> make_problem(const ResolvedOptions& options, const Shape& query, const Shape& value,
                              const Selection* given) {
  for (const auto& [name, dim] : {std::pair{"head_dim", query.dim}, std::pair{"value_dim", value.dim}})
    if (dim < 8 || dim > 256 || dim % 8 != 0)
      throw Error(std::string(name) + " is " + std::to_string(dim) + "; cuda takes multiples of 8 from 8 to 256");
  AttendProblem<T> problem;
  problem.levels = make_levels(options, query.batch * query.heads, given);
  problem.head_dim = static_cast<std::int32_t>(query.dim);
  problem.value_dim = static_cast<std::int32_t>(value.dim);
  problem.scale = static_cast<float>(options.scale);
  problem.reweight = options.reweight;
  problem.disjoint = options.coverage == Coverage::disjoint;
  return problem;
}

template <class T>
std::size_t saved_bytes(const AttendProblem<T>& problem) {
  Workspace memory;
  carve_saved(problem, memory);
  return memory.bytes();
}

template <class T>
std::int32_t* saved_lists(const AttendProblem<T>& problem, void* d_saved) {
  Workspace memory(d_saved);
  return carve_saved(problem, memory).d_lists;
}

template <class T>
std::size_t forward_workspace(const AttendProblem<T>& problem) {
  Workspace memory;
  carve_forward(problem, Lists::select, {}, memory);
  return memory.bytes();
}

template <class T>
void forward(const ForwardParams<T>& params, Stream stream) {
  check_workspace("forward", params.d_workspace, params.workspace_bytes, forward_workspace(params.problem));
  check_pointers("forward", params.problem, params.d_saved,
                 {{"output", params.d_output}, {"lse", params.d_lse}, {"workspace", params.d_workspace, false}});

  Workspace saved_memory(params.d_saved), memory(params.d_workspace);
  const ForwardScratch<T> scratch =
      carve_forward(params.problem, params.lists, carve_saved(params.problem, saved_memory), memory);
  if (params.problem.levels.levels > 0) {
    pool(scratch.pool, scratch.d_pool, scratch.pool_bytes, stream);
    if (params.lists == Lists::select) select(scratch.select, stream);
  }
  attend<T>({with_saved(params.problem, params.d_saved), params.d_output, params.d_lse}, stream);
}

template <class T>
void restore(const AttendProblem<T>& problem, void* d_saved, void* d_workspace, std::size_t workspace_bytes,
             Stream stream) {
  check_workspace("restore", d_workspace, workspace_bytes, forward_workspace(problem));
  check_pointers("restore", problem, d_saved, {{"workspace", d_workspace, false}});
  if (problem.levels.levels == 0) return;
  Workspace saved_memory(d_saved), memory(d_workspace);
  const ForwardScratch<T> scratch = carve_forward(problem, Lists::given, carve_saved(problem, saved_memory), memory);
  pool(scratch.pool, scratch.d_pool, scratch.pool_bytes, stream);
}

template <class T>
std::size_t backward_workspace(const AttendProblem<T>& problem) {
  Workspace memory;
  carve_backward(problem, memory);
  return memory.bytes();
}

template <class T>
void backward(const BackwardParams<T>& params, Stream stream) {
  check_workspace("backward", params.d_workspace, params.workspace_bytes, backward_workspace(params.problem));
  check_pointers("backward", params.problem, params.d_saved,
                 {{"output", params.d_output},
                  {"lse", params.d_lse},
                  {"output gradient", params.d_output_gradient},
                  {"lse gradient", params.d_lse_gradient, false},
                  {"query gradient", params.d_query_gradient},
                  {"key gradient", params.d_key_gradient},
                  {"value gradient", params.d_value_gradient},
                  {"workspace", params.d_workspace, false}});

  Workspace memory(params.d_workspace);
  const BackwardScratch<T> scratch = carve_backward(params.problem, memory);
  const AttendProblem<T> problem = with_saved(params.problem, params.d_saved);
  if (problem.levels.levels > 0)
    transpose({problem.levels, problem.d_lists, scratch.d_offsets, scratch.d_query_indices}, scratch.d_shared,
              scratch.shared_bytes, stream);
  attend_backward<T>({.problem = problem,
                      .d_output = params.d_output,
                      .d_lse = params.d_lse,
                      .d_output_gradient = params.d_output_gradient,
                      .d_lse_gradient = params.d_lse_gradient,
                      .d_offsets = scratch.d_offsets,
                      .d_query_indices = scratch.d_query_indices,
                      .d_query_gradient = params.d_query_gradient,
                      .d_key_gradient = params.d_key_gradient,
                      .d_value_gradient = params.d_value_gradient},
                     scratch.d_shared, scratch.shared_bytes, stream);
}

#define LLSA_INSTANTIATE(T)                                                                                     \
  template AttendProblem<T> make_problem(const ResolvedOptions&, const Shape&, const Shape&, const Selection*); \
  template std::size_t saved_bytes(const AttendProblem<T>&);                                                    \
  template std::int32_t* saved_lists(const AttendProblem<T>&, void*);                                           \
  template std::size_t forward_workspace(const AttendProblem<T>&);                                              \
  template void forward(const ForwardParams<T>&, Stream);                                                       \
  template void restore(const AttendProblem<T>&, void*, void*, std::size_t, Stream);                            \
  template std::size_t backward_workspace(const AttendProblem<T>&);                                             \
  template void backward(const BackwardParams<T>&, Stream);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::cuda::inline LLSA_WORLD
