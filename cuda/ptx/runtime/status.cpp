#include "cuda/ptx/runtime/status.hpp"

#include <utility>

// Errors are not sticky here: after a report the device goes on, so that a test can look at many of them.
namespace llsa::ptx {
namespace {

thread_local cudaError_t last = cudaSuccess;
thread_local std::string report;

struct Known {
  cudaError_t status;
  const char *name, *text;
};
constexpr Known known[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "the operation cannot be performed in the present state"}};

}  // namespace

cudaError_t kept(cudaError_t status) {
  if (status != cudaSuccess) last = status;
  return status;
}

cudaError_t kept_report(const std::string& text) {
  report = text;
  return kept(cudaErrorLaunchFailure);
}

const std::string& last_report() { return report; }

}  // namespace llsa::ptx

extern "C" {

cudaError_t CUDARTAPI cudaGetLastError() { return std::exchange(llsa::ptx::last, cudaSuccess); }
cudaError_t CUDARTAPI cudaPeekAtLastError() { return llsa::ptx::last; }

const char* CUDARTAPI cudaGetErrorName(cudaError_t status) {
  if (status == cudaErrorLaunchFailure) return "cudaErrorLaunchFailure";
  for (const auto& entry : llsa::ptx::known)
    if (entry.status == status) return entry.name;
  return "an error without a name in the stand-in";
}

const char* CUDARTAPI cudaGetErrorString(cudaError_t status) {
  if (status == cudaErrorLaunchFailure) return llsa::ptx::report.c_str();
  for (const auto& entry : llsa::ptx::known)
    if (entry.status == status) return entry.text;
  return "an error without a text in the stand-in";
}
}
