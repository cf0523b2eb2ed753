#include "diffusion/stages.hpp"

#include "diffusion/aligned.hpp"
#include "diffusion/flow.hpp"

namespace llsa::diffusion {
namespace {

ModelConfig model_of_stage(const ModelConfig& whole, std::int64_t halvings) {
  ModelConfig model = whole;
  model.stages = 1;
  model.part_of_stages = true;
  model.extent.height >>= halvings;
  model.extent.width >>= halvings;
  if (halvings > 0) model.attention.method = "full";
  return model;
}

std::int64_t planes_of(const ModelConfig& model) { return model.extent.frames * model.channels; }

/// `visit(first)` with the index of the upper left of every 2 x 2 pixels; the others are at + 1, + width, + width + 1.
template <class Visit>
void for_blocks(const ModelConfig& model, const Visit& visit) {
  const std::int64_t rows = planes_of(model) * model.extent.height, width = model.extent.width;
  for (std::int64_t y = 0; y < rows; y += 2)
    for (std::int64_t x = 0; x < width; x += 2) visit(std::size_t(y * width + x));
}

/// The data at the stage's resolution.
void shrink(const ModelConfig& whole, const ModelConfig& model, std::span<const float> picture, std::span<float> to) {
  AlignedVector<float> now(picture.begin(), picture.end()), next;
  std::int64_t height = whole.extent.height, width = whole.extent.width;
  for (; height > model.extent.height; height /= 2, width /= 2) {
    next.resize(now.size() / 4);
    halve(planes_of(whole), height, width, now, next);
    std::swap(now, next);
  }
  std::copy(now.begin(), now.end(), to.begin());
}

}  // namespace

std::vector<Stage> stages_of(const ModelConfig& config) {
  validate(config);
  const std::int64_t count = config.stages;
  std::vector<Stage> stages(static_cast<std::size_t>(count));
  if (count == 1) {
    stages.front().model = config;
    return stages;
  }
  double total = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    Stage& stage = stages[std::size_t(k)];
    stage.model = model_of_stage(config, count - 1 - k);
    stage.end = 1 - double(k + 1) / double(count);
    if (k > 0) {
      const double before = stages[std::size_t(k - 1)].end;
      stage.begin = 2 * before / (1 + before);
      stage.carry = 1 / (1 + before);
    }
    total += stage.begin - stage.end;
  }
  double low = 0;
  for (std::int64_t k = count - 1; k >= 0; --k) {
    Stage& stage = stages[std::size_t(k)];
    stage.low_time = low;
    stage.times = (stage.begin - stage.end) / total;
    low += stage.times;
  }
  return stages;
}

void halve(std::int64_t planes, std::int64_t height, std::int64_t width, std::span<const float> from,
           std::span<float> to) {
  std::size_t next = 0;
  for (std::int64_t y = 0; y < planes * height; y += 2) {
    for (std::int64_t x = 0; x < width; x += 2) {
      const float* const upper = from.data() + y * width + x;
      const float* const lower = upper + width;
      to[next++] = ((upper[0] + upper[1]) + (lower[0] + lower[1])) / 4;
    }
  }
}

void enlarge(std::int64_t planes, std::int64_t height, std::int64_t width, std::span<const float> from,
             std::span<float> to) {
  std::size_t next = 0;
  for (std::int64_t y = 0; y < 2 * planes * height; ++y)
    for (std::int64_t x = 0; x < 2 * width; ++x) to[next++] = from[std::size_t(y / 2 * width + x / 2)];
}

void stage_example(const ModelConfig& whole, const Stage& stage, double t, double noise_scale,
                   std::span<const float> picture, const RandomSequence& random, std::span<float> noise,
                   std::span<float> noisy, std::span<float> velocity) {
  random.fill_normal(noise);
  if (stage.begin == 1 && stage.end == 0) return flow_point<float>(t, noise_scale, picture, noise, noisy, velocity);
  shrink(whole, stage.model, picture, velocity);
  const auto ends = [&](float sharp, float coarse, float e, float& at, float& change) {
    const float x0 = float(1 - stage.end) * sharp + float(stage.end * noise_scale) * e;
    const float x1 = float(1 - stage.begin) * coarse + float(stage.begin * noise_scale) * e;
    at = float(1 - t) * x0 + float(t) * x1;
    change = x1 - x0;
  };
  if (stage.begin == 1) {  // pure noise: nothing coarser is asked for
    for (std::size_t i = 0; i < noise.size(); ++i) ends(velocity[i], 0, noise[i], noisy[i], velocity[i]);
    return;
  }
  const auto width = std::size_t(stage.model.extent.width);
  for_blocks(stage.model, [&](std::size_t i) {
    const std::size_t block[] = {i, i + 1, i + width, i + width + 1};
    const float coarse = ((velocity[block[0]] + velocity[block[1]]) + (velocity[block[2]] + velocity[block[3]])) / 4;
    for (const std::size_t j : block) ends(velocity[j], coarse, noise[j], noisy[j], velocity[j]);
  });
}

void begin_stage(const Stage& stage, double noise_scale, std::span<const float> ended, const RandomSequence& random,
                 std::span<float> x) {
  random.fill_normal(x);
  const float scale = float(stage.begin * noise_scale), carry = float(stage.carry);
  const auto width = std::size_t(stage.model.extent.width);
  std::size_t next = 0;
  for_blocks(stage.model, [&](std::size_t i) {
    const std::size_t block[] = {i, i + 1, i + width, i + width + 1};
    const float mean = ((x[block[0]] + x[block[1]]) + (x[block[2]] + x[block[3]])) / 4;
    for (const std::size_t j : block) x[j] = carry * ended[next] + scale * (x[j] - mean);
    ++next;
  });
}

}  // namespace llsa::diffusion
