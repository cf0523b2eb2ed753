#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "diffusion/sampler.hpp"
#include "files/tensor_file.hpp"

namespace llsa::diffusion {

struct CaptureOptions {
  std::int64_t layer = 0;            ///< 0..layers-1
  std::int64_t step = 0;             ///< 0..steps-1: the model's evaluation at `sampling_times[step]`
  std::optional<std::int64_t> head;  ///< 0..heads-1; empty: all
};

struct Capture {
  files::TensorFile file;         ///< tensors q, k, v `[batch, heads, tokens, dim]`, F32, and metadata
  AlignedVector<float> pictures;  ///< what the sampling ended with, `[batch, frames, channels, height, width]`
};

/// Samples, and keeps the attention inputs of one layer at one step (after norm and rotation, as attention sees them;
/// the labelled pass when there is guidance). The metadata says layout, grid, token order and the attention's options,
/// as docs/file-formats.md describes, and how the tensors came about. The model must be planned for all pictures in one
/// pass. Of stages, steps count through all of them, and the stage that the step belongs to is what the metadata
/// describe. Throws `Error` when layer, step or head is out of range.
Capture capture(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                const SampleOptions& sampling, const CaptureOptions& options);

/// One place inside a model.
struct CapturePlace {
  std::int64_t layer = 0, step = 0;
};

struct Captures {
  std::vector<files::TensorFile> files;  ///< one a place, in their order, each as `Capture::file`
  /// The pictures that the model expected at each place's step, `[batch, frames, channels, height, width]`: where the
  /// straight line of that step leads at t = 0.
  std::vector<AlignedVector<float>> expected;
  AlignedVector<float> pictures;  ///< what the sampling ended with
};

/// What is kept of a capture; empty: all of it.
struct CaptureOnly {
  std::optional<std::int64_t> head = {}, picture = {};  ///< the one head; the one picture, as a batch of one
};

/// The same tensors from pictures that were kept while sampling, with one pass of the model for each step that places
/// name instead of all of them. `kept[s]` are the pictures after s steps, `[batch, frames, channels, height, width]`,
/// as a `SampleObserver` sees them. Of plain models only. Throws `Error` as `capture`, and when a step's pictures are
/// not there.
std::vector<files::TensorFile> capture_kept(Dit<float>& plain, std::span<const float> weights, const FlowConfig& flow,
                                            const SampleOptions& sampling, std::span<const CapturePlace> places,
                                            std::span<const std::vector<float>> kept, const CaptureOnly& only = {});

/// `capture` of several places while the pictures are made once. Of plain models only.
Captures capture_places(Dit<float>& plain, std::span<const float> weights, const FlowConfig& flow,
                        const SampleOptions& sampling, std::span<const CapturePlace> places,
                        const CaptureOnly& only = {});

}  // namespace llsa::diffusion
