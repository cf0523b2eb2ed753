#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "diffusion/capture.hpp"
#include "diffusion/checkpoint.hpp"
#include "diffusion/sampler.hpp"
#include "viewer/model/background.hpp"
#include "viewer/model/document.hpp"

namespace llsa::viewer {

/// Whether a .safetensors file is a checkpoint or model of llsa-diffusion: its header says so. False for anything else.
bool is_checkpoint(const std::filesystem::path& file);

/// What has been generated so far.
struct Samples {
  diffusion::SampleOptions options;
  diffusion::ModelConfig config;
  std::vector<std::vector<float>> steps;  ///< pictures `[count, frames, channels, height, width]` after 0, 1, ... steps
};

/// Which attention of which generated picture to look at.
struct AttentionPlace {
  std::int64_t sample = 0, layer = 0, step = 0;  ///< step 0..steps-1: the model's evaluation before step + 1
  friend bool operator==(const AttentionPlace&, const AttentionPlace&) = default;
};

/// Pictures from a checkpoint, generated in the background, and the attention inside. Functions return at once.
class Sampling {
 public:
  Sampling(int threads, std::function<void()> wake) : threads_(threads), lane_(1, std::move(wake)) {}

  diffusion::SampleOptions options{.count = 8};  ///< wanted; `generate` uses them
  std::string problem;                           ///< why the last work failed; empty when it did not

  /// Loads the model, then generates. On failure `problem` says why and what was there stays.
  void open(const std::filesystem::path& checkpoint);
  void generate();
  /// Runs the model once more on the pictures as noisy as they were at the place's step, and hands Q, K, V there over
  /// as a document of all heads whose batch entries are the pictures.
  void inspect(const AttentionPlace& place, std::function<void(std::shared_ptr<const Document>)> take);

  /// The same for all layers at a quarter, half and three quarters of the steps, of one picture: a document with a set
  /// for each, under the finished picture.
  void inspect_everywhere(std::int64_t sample, std::function<void(std::shared_ptr<const Document>)> take);

  /// Takes in results; true when there were any.
  bool update() { return lane_.deliver(); }
  void cancel() { lane_.cancel(); }
  JobStatus progress() const { return lane_.progress(); }

  const std::filesystem::path& checkpoint() const { return checkpoint_; }
  const diffusion::Model* model() const { return model_.get(); }
  const Samples& samples() const { return samples_; }
  /// Counts what arrived: for caches of what is drawn.
  std::uint64_t revision() const { return revision_; }
  /// Picture `i` after `steps` steps; of a video one frame.
  files::Image picture(std::int64_t i, std::size_t steps, std::int64_t frame = 0) const;
  /// The picture that the model expected then: where the line of the step that follows leads at t = 0.
  files::Image expected_picture(std::int64_t i, std::size_t steps, std::int64_t frame = 0) const;

 private:
  void start(Background::Work work);
  /// Q, K, V at places of what was generated. Throws `Error` when there is no picture `sample`, or its step is not
  /// there yet.
  std::vector<files::TensorFile> captures(const Background::Job& job, const diffusion::Model& model,
                                          const Samples& samples, std::int64_t sample,
                                          std::span<const diffusion::CapturePlace> places,
                                          const diffusion::CaptureOnly& only) const;
  void run_sampler(const Background::Job& job, std::shared_ptr<const diffusion::Model> model,
                   const diffusion::SampleOptions& wanted);

  int threads_;
  std::filesystem::path checkpoint_;
  std::shared_ptr<const diffusion::Model> model_;
  Samples samples_;
  std::uint64_t revision_ = 0;
  Background lane_;
};

}  // namespace llsa::viewer
