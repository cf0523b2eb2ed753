#include "viewer/model/sampling.hpp"

#include <fmt/format.h>

#include <set>

#include "diffusion/pictures.hpp"
#include "diffusion/runner.hpp"
#include "files/safetensors.hpp"
#include "viewer/model/tensor_document.hpp"

namespace llsa::viewer {
namespace {

std::span<const float> picture_of(std::span<const float> all, const diffusion::ModelConfig& config, std::int64_t i) {
  const auto elements = static_cast<std::size_t>(config.image_elements());
  return all.subspan(static_cast<std::size_t>(i) * elements, elements);
}

}  // namespace

bool is_checkpoint(const std::filesystem::path& file) {
  const auto metadata = files::read_safetensors_metadata(file);
  const auto format = metadata.find("format");
  return format != metadata.end() && format->second.starts_with("llsa-diffusion");
}

void Sampling::start(Background::Work work) {
  problem.clear();
  lane_.start(std::move(work), [this](const std::string& message) { problem = message; });
}

void Sampling::open(const std::filesystem::path& checkpoint) {
  start([this, checkpoint, wanted = options](const Background::Job& job) {
    job.progress("loading " + checkpoint.filename().string());
    auto model = std::make_shared<const diffusion::Model>(diffusion::load_model(checkpoint));
    if (model->config.stages > 1) {
      throw Error(fmt::format(
          "{}: the model has {} stages of growing resolution; the viewer shows plain models (llsa-diffusion sample and "
          "capture take this one)",
          checkpoint.string(), model->config.stages));
    }
    job.check();
    job.publish([this, model, checkpoint] {
      model_ = model;
      checkpoint_ = checkpoint;
      samples_ = {};
      ++revision_;
    });
    diffusion::SampleOptions possible = wanted;
    possible.labels.clear();
    if (model->config.classes == 0) possible.guidance = 1;
    run_sampler(job, model, possible);
  });
}

void Sampling::generate() {
  if (!model_) return;
  start([this, model = model_, wanted = options](const Background::Job& job) { run_sampler(job, model, wanted); });
}

void Sampling::run_sampler(const Background::Job& job, std::shared_ptr<const diffusion::Model> model,
                           const diffusion::SampleOptions& wanted) {
  diffusion::validate(wanted, model->config);
  job.progress("preparing the model");
  diffusion::Runner runner(model->config, {.batch = wanted.count}, "reference", threads_);
  runner.threads.set_stop_token(job.stop());
  job.publish([this, wanted, config = model->config] { samples_ = {wanted, config, {}}; });
  diffusion::sample(runner.model, model->weights, model->flow, wanted,
                    [&](std::int64_t, int step, std::span<const float> x) {
                      job.check();
                      job.progress("generating", static_cast<double>(step) / wanted.steps);
                      job.publish([this, x = std::vector<float>(x.begin(), x.end())] {
                        samples_.steps.push_back(x);
                        ++revision_;
                      });
                    });
}

std::vector<files::TensorFile> Sampling::captures(const Background::Job& job, const diffusion::Model& model,
                                                  const Samples& samples, std::int64_t sample,
                                                  std::span<const diffusion::CapturePlace> places,
                                                  const diffusion::CaptureOnly& only) const {
  const std::int64_t count = samples.options.count;
  if (sample < 0 || sample >= count) throw Error(fmt::format("picture is {}; there are {}", sample, count));
  diffusion::Runner runner(model.config, {.batch = count}, "reference", threads_);
  runner.threads.set_stop_token(job.stop());
  return diffusion::capture_kept(runner.model, model.weights, model.flow, samples.options, places, samples.steps, only);
}

void Sampling::inspect(const AttentionPlace& place, std::function<void(std::shared_ptr<const Document>)> take) {
  if (!model_ || samples_.options.count == 0) return;
  start([this, place, take, model = model_, samples = samples_, checkpoint = checkpoint_](const Background::Job& job) {
    job.progress("capturing attention");
    const diffusion::CapturePlace wanted{place.layer, place.step};
    const auto taken = captures(job, *model, samples, place.sample, std::span(&wanted, 1), {});
    auto document = std::make_shared<Document>(document_of_tensors(taken.front(), {}, checkpoint.string()));
    document->is_generated = true;
    document->title = fmt::format("{}: layer {}, step {}", checkpoint.filename().string(), place.layer, place.step);
    job.publish([this, document, take, place, config = model->config] {
      const auto noise = static_cast<std::size_t>(place.step);
      for (std::int64_t i = 0; noise < samples_.steps.size() && i < samples_.options.count; ++i)
        for (std::int64_t f = 0; f < config.extent.frames; ++f) document->pictures.push_back(picture(i, noise, f));
      take(document);
    });
  });
}

void Sampling::inspect_everywhere(std::int64_t sample, std::function<void(std::shared_ptr<const Document>)> take) {
  if (!model_ || samples_.options.count == 0) return;
  start([this, sample, take, model = model_, samples = samples_, checkpoint = checkpoint_](const Background::Job& job) {
    job.progress("capturing attention of all layers");
    const int steps = samples.options.steps;
    std::vector<diffusion::CapturePlace> places;
    for (const std::int64_t step : std::set<std::int64_t>{steps / 4, steps / 2, 3 * steps / 4})
      for (std::int64_t layer = 0; layer < model->config.layers; ++layer) places.push_back({layer, step});
    const auto taken = captures(job, *model, samples, sample, places, {.picture = sample});
    auto document = std::make_shared<Document>(document_of_tensors(taken.front(), {}, checkpoint.string()));
    document->sets.clear();
    for (std::size_t i = 0; i < places.size(); ++i) {
      Document one = document_of_tensors(taken[i], {}, checkpoint.string());
      one.sets.front().name = fmt::format("layer {}, step {}", places[i].layer, places[i].step);
      document->sets.push_back(std::move(one.sets.front()));
    }
    document->is_generated = true;
    document->title = fmt::format("{}: picture {}, all layers", checkpoint.filename().string(), sample);
    document->pictures = diffusion::to_frames(picture_of(samples.steps.back(), model->config, sample),
                                              model->config.channels, model->config.extent);
    job.publish([document, take] { take(document); });
  });
}

files::Image Sampling::expected_picture(std::int64_t i, std::size_t steps, std::int64_t frame) const {
  if (steps + 1 >= samples_.steps.size()) return picture(i, steps, frame);
  const auto times = diffusion::sampling_times(samples_.options.steps, diffusion::sampling_shift(model_->flow));
  const std::span<const float> now = picture_of(samples_.steps[steps], samples_.config, i);
  std::vector<float> expected(now.size());
  diffusion::line_end(now, times[steps], picture_of(samples_.steps[steps + 1], samples_.config, i), times[steps + 1],
                      expected);
  return diffusion::to_image(expected, samples_.config.channels, samples_.config.extent, frame);
}

files::Image Sampling::picture(std::int64_t i, std::size_t steps, std::int64_t frame) const {
  return diffusion::to_image(picture_of(samples_.steps[steps], samples_.config, i), samples_.config.channels,
                             samples_.config.extent, frame);
}

}  // namespace llsa::viewer
