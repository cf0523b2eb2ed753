#include "cuda/attend_backward/key_pass.cuh"
#include "cuda/attend_backward/launch.hpp"
#include "cuda/workspace.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

std::size_t attend_backward_workspace(const Levels& levels, int head_dim, int value_dim) {
  return BackwardWorkspace(levels, head_dim, value_dim, false).bytes;
}

template <class T>
void attend_backward(const AttendBackwardParams<T>& params, void* d_workspace, std::size_t workspace_bytes,
                     Stream stream) {
  const AttendProblem<T>& p = params.problem;
  check("attend_backward", params, true);
  const BackwardWorkspace workspace(p.levels, p.head_dim, p.value_dim, false, d_workspace);
  check_workspace("attend_backward", d_workspace, workspace_bytes, workspace.bytes);
  query_pass(params, workspace.d_statistics, stream);
  for (int level = p.levels.enrichment_levels; level >= 0; --level) {
    const auto level_params = key_params(params, workspace, level, true);
    launch_key_gradient<ListedQueries>(level_params, stream);
    launch_add_parts(level_params, stream);
  }
}

#define LLSA_INSTANTIATE(T) template void attend_backward(const AttendBackwardParams<T>&, void*, std::size_t, Stream);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::cuda::inline LLSA_WORLD
