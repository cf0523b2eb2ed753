// The whole implementation behind llsa::Attention: every property of the reference, on the executor and, with the label
// gpu, on the device.
#include <cmath>

#include "cuda/device.hpp"
#include "cuda/host_attention.hpp"
#include "support/properties/register.hpp"

namespace llsa::testing {
namespace {

/// Small, because the executor takes a fiber for every CUDA thread.
constexpr Limits limits{.tokens = 60, .batch = 2, .heads = 2, .dim = 12};

std::shared_ptr<Attention<float>> cuda_attention() {
  if (cuda::why_unavailable()) return nullptr;
  return cuda::make_host_attention<float>("cuda", {});
}

const bool registered = register_properties<float>("CudaFloat", cuda_attention, limits);

}  // namespace
}  // namespace llsa::testing
