#include "cuda/ptx/runtime/stream.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "cuda/ptx/runtime/status.hpp"

struct CUevent_st {
  std::chrono::steady_clock::time_point time;
  bool recorded = false;
};
struct CUgraph_st {
  std::vector<std::function<cudaError_t()>> work;
};
struct CUgraphExec_st {
  std::vector<std::function<cudaError_t()>> work;
};

namespace llsa::ptx {
namespace {

std::set<cudaStream_t>& streams() {
  static std::set<cudaStream_t> value;
  return value;
}

bool is_default(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

}  // namespace

bool is_stream(cudaStream_t stream) { return is_default(stream) || streams().count(stream); }

bool any_capturing() {
  return std::any_of(streams().begin(), streams().end(), [](cudaStream_t s) { return s->capturing; });
}

cudaError_t queue(cudaStream_t stream, std::function<cudaError_t()> work) {
  if (!is_stream(stream)) return kept(cudaErrorInvalidResourceHandle);
  if (is_default(stream)) return any_capturing() ? kept(cudaErrorStreamCaptureUnsupported) : kept(work());
  if (!stream->capturing) return kept(work());
  stream->captured.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace llsa::ptx

using llsa::ptx::kept;

// Whatever waits for the device is forbidden while a stream captures, as on a device.
extern "C" {

cudaError_t CUDARTAPI cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  llsa::ptx::streams().insert(*stream);
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
cudaError_t CUDARTAPI cudaStreamDestroy(cudaStream_t stream) {
  if (!llsa::ptx::streams().erase(stream)) return kept(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaStreamSynchronize(cudaStream_t stream) {
  if (!llsa::ptx::is_stream(stream)) return kept(cudaErrorInvalidResourceHandle);
  return llsa::ptx::any_capturing() ? kept(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t CUDARTAPI cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t CUDARTAPI cudaDeviceSynchronize() { return cudaStreamSynchronize(nullptr); }

cudaError_t CUDARTAPI cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t CUDARTAPI cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return llsa::ptx::queue(stream, [event] {
    event->time = std::chrono::steady_clock::now();
    event->recorded = true;
    return cudaSuccess;
  });
}
cudaError_t CUDARTAPI cudaEventSynchronize(cudaEvent_t) {
  return llsa::ptx::any_capturing() ? kept(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t CUDARTAPI cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
/// The interpreter's time, which says nothing of a device's.
cudaError_t CUDARTAPI cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!begin->recorded || !end->recorded) return kept(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t, unsigned) {
  return llsa::ptx::queue(stream, [] { return cudaSuccess; });
}

cudaError_t CUDARTAPI cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  if (!llsa::ptx::is_stream(stream)) return kept(cudaErrorInvalidResourceHandle);
  const bool capturing = !llsa::ptx::is_default(stream) && stream->capturing;
  *status = capturing ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (!llsa::ptx::is_stream(stream) || llsa::ptx::is_default(stream)) return kept(cudaErrorStreamCaptureUnsupported);
  if (stream->capturing) return kept(cudaErrorIllegalState);
  stream->capturing = true;
  stream->captured.clear();
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!llsa::ptx::is_stream(stream) || llsa::ptx::is_default(stream) || !stream->capturing)
    return kept(cudaErrorIllegalState);
  stream->capturing = false;
  *graph = new CUgraph_st{std::move(stream->captured)};
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return llsa::ptx::queue(stream, [executable] {
    for (const auto& work : executable->work)
      if (const cudaError_t status = work(); status != cudaSuccess) return status;
    return cudaSuccess;
  });
}
cudaError_t CUDARTAPI cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
}
