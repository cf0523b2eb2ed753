// The extension module that attends on a CUDA device, and the same for the executor that runs its kernels on the CPU
// (PYLLSA_MODULE names which). Everything here takes addresses and extents; Python makes the arrays contiguous.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "device_attend.hpp"
#include "errors.hpp"
#include "option_tuple.hpp"

namespace nb = nanobind;
using namespace pyllsa;

namespace {

/// heads of the whole batch, query tokens, key tokens, dim, value dim.
using Extents = std::array<std::int64_t, 5>;

DeviceProblem problem_of(int dtype, OptionTuple options, const Extents& extents) {
  return {static_cast<llsa::DType>(dtype),
          options_from(std::move(options)),
          extents[0],
          extents[1],
          extents[2],
          extents[3],
          extents[4]};
}

}  // namespace

NB_MODULE(PYLLSA_MODULE, m) {
  pyllsa::raise_errors_as_value_errors();
  m.def("unavailable", &device_unavailable, "Why nothing can run here, or an empty string.");
  m.def(
      "sizes",
      [](int dtype, OptionTuple options, const Extents& extents) {
        const DeviceSizes sizes = device_sizes(problem_of(dtype, std::move(options), extents));
        return std::tuple{sizes.saved, sizes.workspace, sizes.widths};
      },
      "Bytes of what is saved, bytes of the workspace, and the width of each level's lists.");
  m.def(
      "forward",
      [](int dtype, OptionTuple options, const Extents& extents, const std::array<std::uintptr_t, 7>& at,
         std::size_t workspace_bytes, bool given, std::uintptr_t stream) {
        const DeviceProblem problem = problem_of(dtype, std::move(options), extents);
        const nb::gil_scoped_release released;
        device_forward(problem, {at[0], at[1], at[2], at[3], at[4], at[5], at[6]}, workspace_bytes, given, stream);
      },
      "q, k, v, o, lse, saved, workspace.");
  m.def(
      "backward",
      [](int dtype, OptionTuple options, const Extents& extents, const std::array<std::uintptr_t, 12>& at,
         std::size_t workspace_bytes, std::uintptr_t stream) {
        const DeviceProblem problem = problem_of(dtype, std::move(options), extents);
        const nb::gil_scoped_release released;
        device_backward(problem, {at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8], at[9], at[10], at[11]},
                        workspace_bytes, stream);
      },
      "q, k, v, o, lse, saved, workspace, do, dlse (or 0), dq, dk, dv.");
}
