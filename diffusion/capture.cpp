#include "diffusion/capture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "llsa/error.hpp"
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

std::map<std::string, std::string> describe(const ModelConfig& config, const FlowConfig& flow,
                                            const SampleOptions& sampling, const CaptureOptions& options) {
  const double shift = sampling_shift(flow);
  return {{"layout", "batch,heads,tokens,dim"},
          {"grid", fmt::format("{}x{}", config.grid_size(), config.grid_size())},
          {"order", config.attention.order},
          {"source", "llsa-diffusion capture"},
          {"attention", config.attention.method},
          {"model", to_json(config).dump()},
          {"layer", std::to_string(options.layer)},
          {"head", options.head ? std::to_string(*options.head) : "all"},
          {"step", std::to_string(options.step)},
          {"steps", std::to_string(sampling.steps)},
          {"time", fmt::format("{}", sampling_times(sampling.steps, shift)[std::size_t(options.step)])},
          {"seed", std::to_string(sampling.seed)},
          {"guidance", fmt::format("{}", sampling.guidance)},
          {"sampler", std::string(name_of(sampling.solver))},
          {"labels", fmt::format("{}", fmt::join(sample_labels(sampling, config), ","))}};
}

}  // namespace

Capture capture(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow,
                const SampleOptions& sampling, const CaptureOptions& options) {
  const CapturePlace place{options.layer, options.step};
  Captures all = capture_places(model, weights, flow, sampling, std::span(&place, 1), {.head = options.head});
  return {std::move(all.files.front()), std::move(all.pictures)};
}

Captures capture_places(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow,
                        const SampleOptions& sampling, std::span<const CapturePlace> places, const CaptureOnly& only) {
  const ModelConfig& config = model.config();
  validate(sampling, config);
  for (const CapturePlace& place : places) {
    require_index("layer", place.layer, config.layers);
    require_index("step", place.step, sampling.steps);
  }
  if (only.head) require_index("head", *only.head, config.heads);
  if (only.picture) require_index("picture", *only.picture, sampling.count);
  if (sampling.count > model.plan().batch) {
    throw Error(fmt::format("{} pictures; a capture takes at most {} here", sampling.count, model.plan().batch));
  }
  Captures result;
  for (const CapturePlace& place : places)
    result.files.push_back({{}, describe(config, flow, sampling, {place.layer, place.step, only.head}), {}});
  result.expected.resize(places.size());
  const std::vector<double> times = sampling_times(sampling.steps, sampling_shift(flow));
  std::int64_t step = 0;
  model.set_observer([&](std::int64_t block, const AttentionInputs<float>& inputs) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      files::TensorFile& file = result.files[i];
      // The pass without labels comes second within a step, when the tensors are there already.
      if (block != places[i].layer || step != places[i].step || !file.tensors.empty()) continue;
      file.tensors = {copy_of("q", inputs.query, only), copy_of("k", inputs.key, only),
                      copy_of("v", inputs.value, only)};
      file.metadata.merge(
          llsa::option_metadata(resolve(method_options(config.attention.method, config.attention.options),
                                        inputs.query.shape, inputs.key.shape, inputs.value.shape)));
    }
  });
  AlignedVector<float> before;
  result.pictures = sample(model, weights, flow, sampling, [&](std::int64_t, int done, std::span<const float> x) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].step != done - 1) continue;
      result.expected[i].resize(x.size());
      line_end(before, times[std::size_t(done) - 1], x, times[std::size_t(done)], result.expected[i]);
    }
    before.assign(x.begin(), x.end());
    step = done;
  });
  model.set_observer({});
  return result;
}

}  // namespace llsa::diffusion
