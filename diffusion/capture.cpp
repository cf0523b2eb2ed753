#include "diffusion/capture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <set>

#include "llsa/error.hpp"
#include "llsa/grid_text.hpp"
#include "llsa/option_metadata.hpp"

namespace llsa::diffusion {
namespace {

void require_index(const char* what, std::int64_t value, std::int64_t count) {
  if (value < 0 || value >= count) throw Error(fmt::format("{} is {}; it must be 0 to {}", what, value, count - 1));
}

files::NamedTensor copy_of(const char* name, TensorView<const float> view, const CaptureOnly& only) {
  if (only.picture) {
    view.data += *only.picture * view.strides.batch;
    view.shape.batch = 1;
  }
  if (only.head) {
    view.data += *only.head * view.strides.heads;
    view.shape.heads = 1;
  }
  return files::from_tensor<float>(name, view);
}

std::map<std::string, std::string> describe(const Stage& stage, const FlowConfig& flow, const SampleOptions& sampling,
                                            std::int64_t steps, const CaptureOptions& options) {
  const ModelConfig& config = stage.model;
  const std::vector<double> times = sampling_times(sampling.steps, sampling_shift(flow));
  return {{"layout", "batch,heads,tokens,dim"},
          {"grid", text_of(config.grid())},
          {"order", config.attention.order},
          {"source", "llsa-diffusion capture"},
          {"attention", config.attention.method},
          {"model", to_json(config).dump()},
          {"layer", std::to_string(options.layer)},
          {"head", options.head ? std::to_string(*options.head) : "all"},
          {"step", std::to_string(options.step)},
          {"steps", std::to_string(steps)},
          {"time", fmt::format("{}", stage.model_time(times[std::size_t(options.step % sampling.steps)]))},
          {"seed", std::to_string(sampling.seed)},
          {"guidance", fmt::format("{}", sampling.guidance)},
          {"sampler", std::string(name_of(sampling.solver))},
          {"labels", fmt::format("{}", fmt::join(sample_labels(sampling, config), ","))}};
}

/// Keeps what attention reads at some places while the model runs.
class Recorder {
 public:
  /// Throws `Error` when a place is not in the model, or not all pictures fit in one pass.
  Recorder(const StagedModel& model, const FlowConfig& flow, const SampleOptions& sampling,
           std::span<const CapturePlace> places, const CaptureOnly& only)
      : model_(model), places_(places), only_(only) {
    const ModelConfig& config = model.config();
    const std::int64_t steps = sampling.steps * config.stages;
    validate(sampling, config);
    for (const CapturePlace& place : places) {
      require_index("layer", place.layer, config.layers);
      require_index("step", place.step, steps);
      const Stage& stage = model.stage(std::size_t(place.step / sampling.steps));
      files.push_back({{}, describe(stage, flow, sampling, steps, {place.layer, place.step, only.head}), {}});
    }
    if (only.head) require_index("head", *only.head, config.heads);
    if (only.picture) require_index("picture", *only.picture, sampling.count);
    if (sampling.count > model.plan().batch)
      throw Error(fmt::format("{} pictures; a capture takes at most {} here", sampling.count, model.plan().batch));
    for (std::size_t k = 0; k < model.size(); ++k) {
      model.model(k).set_observer([this, k](std::int64_t block, const AttentionInputs<float>& inputs) {
        take(model_.stage(k).model, block, inputs);
      });
    }
  }
  ~Recorder() {
    for (std::size_t k = 0; k < model_.size(); ++k) model_.model(k).set_observer({});
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  std::int64_t step = 0;                 ///< of the pass that runs
  std::vector<files::TensorFile> files;  ///< one a place

 private:
  void take(const ModelConfig& config, std::int64_t block, const AttentionInputs<float>& inputs) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      files::TensorFile& file = files[i];
      // The pass without labels comes second within a step, when the tensors are there already.
      if (block != places_[i].layer || step != places_[i].step || !file.tensors.empty()) continue;
      file.tensors = {copy_of("q", inputs.query, only_), copy_of("k", inputs.key, only_),
                      copy_of("v", inputs.value, only_)};
      file.metadata.merge(
          llsa::option_metadata(resolve(method_options(config.attention.method, config.attention.options),
                                        inputs.query.shape, inputs.key.shape, inputs.value.shape)));
    }
  }

  const StagedModel& model_;
  std::span<const CapturePlace> places_;
  CaptureOnly only_;
};

}  // namespace

Capture capture(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                const SampleOptions& sampling, const CaptureOptions& options) {
  const CapturePlace place{options.layer, options.step};
  const CaptureOnly only{.head = options.head};
  Recorder recorder(model, flow, sampling, std::span(&place, 1), only);
  AlignedVector<float> pictures = sample(model, weights, flow, sampling,
                                         [&](std::int64_t, int done, std::span<const float>) { recorder.step = done; });
  return {std::move(recorder.files.front()), std::move(pictures)};
}

Captures capture_places(Dit<float>& plain, std::span<const float> weights, const FlowConfig& flow,
                        const SampleOptions& sampling, std::span<const CapturePlace> places, const CaptureOnly& only) {
  const StagedModel model(plain);
  Recorder recorder(model, flow, sampling, places, only);
  Captures result;
  result.expected.resize(places.size());
  const std::vector<double> times = sampling_times(sampling.steps, sampling_shift(flow));
  AlignedVector<float> before;
  result.pictures = sample(model, weights, flow, sampling, [&](std::int64_t, int done, std::span<const float> x) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].step != done - 1) continue;
      result.expected[i].resize(x.size());
      line_end(before, times[std::size_t(done) - 1], x, times[std::size_t(done)], result.expected[i]);
    }
    before.assign(x.begin(), x.end());
    recorder.step = done;
  });
  result.files = std::move(recorder.files);
  return result;
}

std::vector<files::TensorFile> capture_kept(Dit<float>& plain, std::span<const float> weights, const FlowConfig& flow,
                                            const SampleOptions& sampling, std::span<const CapturePlace> places,
                                            std::span<const std::vector<float>> kept, const CaptureOnly& only) {
  const StagedModel model(plain);
  Recorder recorder(model, flow, sampling, places, only);
  const std::vector<double> times = sampling_times(sampling.steps, sampling_shift(flow));
  const std::vector<std::int32_t> labels = sample_labels(sampling, model.config());
  const auto elements = std::size_t(sampling.count * model.config().image_elements());
  std::set<std::int64_t> steps;
  for (const CapturePlace& place : places) steps.insert(place.step);
  AlignedVector<float> velocity(elements);
  for (const std::int64_t step : steps) {
    if (std::size_t(step) >= kept.size() || kept[std::size_t(step)].size() != elements)
      throw Error(fmt::format("the pictures after {} steps were not kept", step));
    const AlignedVector<float> pictures(kept[std::size_t(step)].begin(), kept[std::size_t(step)].end());
    const std::vector<float> time(std::size_t(sampling.count), float(times[std::size_t(step)]));
    recorder.step = step;
    plain.forward(weights, sampling.count, pictures.data(), time.data(), labels.data(), velocity.data());
  }
  return std::move(recorder.files);
}

}  // namespace llsa::diffusion
