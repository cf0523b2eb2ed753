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

files::NamedTensor copy_of(const char* name, TensorView<const float> view, std::optional<std::int64_t> head) {
  if (head) {
    view.data += *head * view.strides.heads;
    view.shape.heads = 1;
  }
  return files::from_tensor<float>(name, view);
}

std::map<std::string, std::string> describe(const ModelConfig& config, const FlowConfig& flow,
                                            const SampleOptions& sampling, const CaptureOptions& options) {
  const double shift = flow.time == TimeSampling::shift ? flow.time_shift : 1;
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
  const ModelConfig& config = model.config();
  validate(sampling, config);
  require_index("layer", options.layer, config.layers);
  require_index("step", options.step, sampling.steps);
  if (options.head) require_index("head", *options.head, config.heads);
  if (sampling.count > model.plan().batch) {
    throw Error(fmt::format("{} pictures; a capture takes at most {} here", sampling.count, model.plan().batch));
  }
  Capture result;
  result.file.metadata = describe(config, flow, sampling, options);
  std::int64_t step = 0;
  model.set_observer([&](std::int64_t block, const AttentionInputs<float>& inputs) {
    // The pass without labels comes second within a step, when the tensors are there already.
    if (block != options.layer || step != options.step || !result.file.tensors.empty()) return;
    result.file.tensors = {copy_of("q", inputs.query, options.head), copy_of("k", inputs.key, options.head),
                           copy_of("v", inputs.value, options.head)};
    result.file.metadata.merge(
        llsa::option_metadata(resolve(method_options(config.attention.method, config.attention.options),
                                      inputs.query.shape, inputs.key.shape, inputs.value.shape)));
  });
  result.pictures = sample(model, weights, flow, sampling,
                           [&](std::int64_t, int steps_done, std::span<const float>) { step = steps_done; });
  model.set_observer({});
  return result;
}

}  // namespace llsa::diffusion
