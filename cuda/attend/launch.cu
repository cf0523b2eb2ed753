#include <cmath>
#include <string>

#include "cuda/attend/aligned_kernel.cuh"
#include "cuda/attend/fma_kernel.cuh"
#include "cuda/attend/launch.hpp"
#include "cuda/attend/tensor_kernel.cuh"
#include "cuda/launch.cuh"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

void check_pointer(const char* what, const char* name, const void* pointer, bool required) {
  if (!pointer && required) throw Error(std::string(what) + ": " + name + " is a null pointer");
  if (reinterpret_cast<std::uintptr_t>(pointer) % 16 != 0)
    throw Error(std::string(what) + ": the address of " + name + " is not a multiple of 16 bytes");
}

template <class T>
void check(const char* what, const AttendProblem<T>& p) {
  const auto check_dim = [&](const char* name, int dim) {
    if (dim < 8 || dim > 256 || dim % 8 != 0)
      throw Error(std::string(what) + ": the " + name + " dimension is " + std::to_string(dim) +
                  "; multiples of 8 up to 256 are supported");
  };
  check_dim("head", p.head_dim);
  check_dim("value", p.value_dim);
  if (!std::isfinite(p.scale)) throw Error(std::string(what) + ": the scale is not finite");
  if (p.levels.heads < 1) throw Error(std::string(what) + ": there are no heads");
  check_pointer(what, "Q", p.d_query);
  check_pointer(what, "K", p.d_key);
  check_pointer(what, "V", p.d_value);
  check_pointer(what, "the pyramid of K", p.d_coarse_key, p.levels.enrichment_levels > 0);
  check_pointer(what, "the pyramid of V", p.d_coarse_value, p.levels.enrichment_levels > 0);
  check_pointer(what, "the selection", p.d_lists, p.levels.levels > 0);
}

namespace {

template <class Kernel, class T>
void launch_fma(const AttendParams<T>& params, Stream stream) {
  const AttendProblem<T>& p = params.problem;
  launch<Kernel>("attend",
                 {.blocks = {grid_size(p.levels.heads * QueryRows::per_head(p.levels))},
                  .threads = {Kernel::threads},
                  .shared_bytes = typename Kernel::Layout(p.head_dim, p.value_dim).bytes},
                 stream, params);
}

template <class Kernel, class T>
void launch_aligned(const AttendParams<T>& params, Stream stream) {
  using Tile = typename Kernel::Tile;
  const Levels& levels = params.problem.levels;
  const auto shape = Tile::fitting(levels, shared_memory_limit(stream));
  launch<Kernel>("attend",
                 {.blocks = {grid_size(Tile::blocks(levels, shape.warps))},
                  .threads = {static_cast<unsigned>(32 * shape.warps)},
                  .shared_bytes = shape.shared_bytes()},
                 stream, AlignedAttendParams<T>{params, shape.stages});
}

template <class Kernel, class T>
void launch_tensor(const AttendParams<T>& params, Stream stream) {
  using Tile = typename Kernel::Tile;
  const Levels& levels = params.problem.levels;
  const int warps = Tile::fitting_warps(levels, shared_memory_limit(stream));
  launch<Kernel>("attend",
                 {.blocks = {grid_size(Tile::blocks(levels, warps))},
                  .threads = {static_cast<unsigned>(32 * warps)},
                  .shared_bytes = Tile::shared_bytes(warps)},
                 stream, params);
}

}  // namespace

template <class T>
void attend(const AttendParams<T>& params, Stream stream) {
  const AttendProblem<T>& p = params.problem;
  check("attend", p);
  check_pointer("attend", "O", params.d_output);
  check_pointer("attend", "LSE", params.d_lse);
  if constexpr (std::is_same_v<T, float>) {
    if (p.value_dim <= 64) return launch_fma<AttendFma<T, 64>>(params, stream);
    if (p.value_dim <= 128) return launch_fma<AttendFma<T, 128>>(params, stream);
    launch_fma<AttendFma<T, 256>>(params, stream);
  } else {
    with_tensor_dim(max(p.head_dim, p.value_dim), [&](auto dim) {
      if constexpr (dim <= 128)
        if (is_aligned(p)) return launch_aligned<AttendAligned<T, dim>>(params, stream);
      launch_tensor<AttendTensor<T, dim>>(params, stream);
    });
  }
}

#define LLSA_INSTANTIATE(T)                                  \
  template void check(const char*, const AttendProblem<T>&); \
  template void attend(const AttendParams<T>&, Stream);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::cuda::inline LLSA_WORLD
