#include <fmt/format.h>

#include <algorithm>

#include "compare/key_count.hpp"
#include "compare/tables/table.hpp"
#include "diffusion/data.hpp"
#include "llsa/method.hpp"

namespace llsa::compare::tables {
namespace {

using diffusion::TrainConfig;

/// What every table starts from: LLSA with two levels, as the paper's ablations do.
class Configurations {
 public:
  explicit Configurations(const Scale& scale) : scale_(scale) {
    base_.model = {.extent = files::square(scale.image_size),
                   .hidden = scale.hidden,
                   .layers = scale.layers,
                   .heads = scale.heads,
                   .frequency_dim = 64};
    base_.data.place = scale.data;
    base_.steps = scale.steps;
    base_.batch = scale.batch;
    base_.learning_rate = scale.learning_rate;
    base_.warmup = std::max<std::int64_t>(scale.steps / 10, 1);
    base_.schedule = "cosine";
    base_.average_decay = 0.95;
    base_.validation_pictures = scale.validation_pictures;
    const diffusion::TrainingData data(base_.data, base_.validation_pictures);
    base_.model.classes = static_cast<std::int64_t>(data.classes().size());
  }

  const Scale& scale() const { return scale_; }
  TrainConfig llsa(int levels = 2) const { return with("llsa", options(levels)); }
  TrainConfig with(const std::string& method, const Options& options) const {
    TrainConfig config = base_;
    config.model.attention.method = method;
    config.model.attention.options = options;
    return config;
  }
  /// A single-level method with its own B and K.
  TrainConfig single(const std::string& method, std::int64_t block_size, std::int64_t top_k) const {
    return with(method, {.block_size = block_size, .levels = 1, .top_k = {top_k}});
  }
  Options options(int levels) const {
    return {.block_size = scale_.block_size, .levels = levels, .top_k = {scale_.top_k}};
  }

 private:
  Scale scale_;
  TrainConfig base_;
};

TrainConfig enriched(TrainConfig config, int enrichment_levels, bool reweight) {
  config.model.attention.options.enrichment_levels = enrichment_levels;
  config.model.attention.options.reweight = reweight;
  return config;
}

TrainingTable designs(const Configurations& c) {
  const std::int64_t b = c.scale().block_size, k = c.scale().top_k;
  return {.name = "2a",
          .title = "Table 2(a): KV enrichment and reweighting",
          .rows = {{"full attention", c.with("full", c.options(2)), "24.91", "188.88"},
                   {"top-K, L = 1", c.single("topk", b, k), "28.21", "483.91"},
                   {"+ enrichment, L = 1", c.single("topk+enrichment", b, k), "26.09", "302.92"},
                   {"+ reweighting, L = 1", c.single("topk+enrichment+reweighting", b, k), "24.18", "302.92"},
                   {"top-K, L = 2", enriched(c.llsa(), 0, true), "27.98", "500.38"},
                   {"+ enrichment, L = 2", enriched(c.llsa(), 2, false), "25.31", "436.40"},
                   {"+ reweighting, L = 2 (LLSA)", c.llsa(), "24.37", "436.40"}}};
}

TrainingTable block_sizes(const Configurations& c) {
  const std::int64_t b = c.scale().block_size, k = c.scale().top_k, few = std::max<std::int64_t>(k / 4, 1);
  const auto label = [](std::int64_t block, std::int64_t top_k) { return fmt::format("B = {}, K = {}", block, top_k); };
  return {.name = "2b",
          .title = "Table 2(b): block size of top-K attention, L = 1, at equal numbers of keys",
          .rows = {{label(b, k), c.single("topk", b, k), "28.21", "483.91"},
                   {label(4 * b, few), c.single("topk", 4 * b, few), "31.33", "584.54"},
                   {label(b, 4 * k), c.single("topk", b, 4 * k), "25.88", "357.95"},
                   {label(4 * b, k), c.single("topk", 4 * b, k), "26.52", "547.69"}}};
}

TrainingTable top_ks(const Configurations& c) {
  const std::int64_t b = c.scale().block_size, k = c.scale().top_k;
  return {.name = "2c",
          .title = "Table 2(c): LLSA against top-K attention with more blocks",
          .rows = {{fmt::format("LLSA, K = {}", k), c.llsa(), "24.37", "436.40"},
                   {fmt::format("top-K, K = {}", k), c.single("topk", b, k), "28.21", "483.91"},
                   {fmt::format("top-K, K = {}", 2 * k), c.single("topk", b, 2 * k), "27.23", "436.40"},
                   {fmt::format("top-K, K = {}", 4 * k), c.single("topk", b, 4 * k), "25.88", "357.95"}}};
}

TrainingTable methods(const Configurations& c) {
  const std::int64_t b = c.scale().block_size, side = c.scale().image_size;
  const std::int64_t k = compare::matching_top_k(keys_per_query(c.llsa()), 0, b, side * side);
  return {.name = "3",
          .title = "Table 3: methods",
          .remarks = {fmt::format(
              "Top-K, VSA and SLA get K = {}, so that their sparse branch touches as many keys as LLSA; the coarse or "
              "linear branch of VSA and SLA comes on top, as in the paper. The paper's figures are those for FFHQ 128; "
              "that of top-K is from its table 2(c).",
              k)},
          .rows = {{"full attention", c.with("full", c.options(2)), "24.91", "188.88"},
                   {"top-K", c.single("topk", b, k), "25.88", "357.95"},
                   {"VSA", c.single("vsa", b, k), "26.91", "421.02"},
                   {"SLA", c.single("sla", b, k), "25.73", "365.48"},
                   {"LLSA", c.llsa(), "24.37", "436.40"}},
          .reference = 4};
}

TrainingTable enrichment_levels(const Configurations& c) {
  return {.name = "4a",
          .title = "Table 4(a): enrichment levels of LLSA, L = 2",
          .rows = {{"Le = 0", enriched(c.llsa(), 0, true), "27.98", "500.38"},
                   {"Le = 1", enriched(c.llsa(), 1, true), "25.49", "467.35"},
                   {"Le = 2", c.llsa(), "24.37", "436.40"}},
          .reference = 2};
}

TrainingTable levels(const Configurations& c) {
  const Scale& s = c.scale();
  const auto longer = [&](int count) {
    TrainConfig config = c.llsa(count);
    config.model.extent = files::square(2 * s.image_size);
    config.batch = std::max<std::int64_t>(s.batch / 4, 1);
    return config;
  };
  return {
      .name = "4b",
      .title = "Table 4(b): levels at the longest sequence",
      .remarks = {fmt::format("{0} x {0} pictures, {1} of them a step (paper: 512 x 512; its L = 1 did not finish).",
                              2 * s.image_size, std::max<std::int64_t>(s.batch / 4, 1))},
      .rows = {{"L = 1", longer(1), "", "44.90"},
               {"L = 2", longer(2), "39.26", "292.66"},
               {"L = 3", longer(3), "40.77", "323.29"}},
      .reference = 1};
}

TrainingTable noise(const Configurations& c) {
  // Down to 16 x 16, where landscapes were learnt without an adjustment; half, where pictures are smaller than 32.
  const std::int64_t ratio = std::max<std::int64_t>(c.scale().image_size / 16, 2);
  const auto flow = [&](diffusion::FlowConfig config) {
    TrainConfig result = c.llsa();
    result.flow = config;
    return result;
  };
  return {
      .name = "4c",
      .title = "Table 4(c): adjusting the signal-to-noise ratio",
      .remarks =
          {fmt::format("The paper adjusts 128 x 128 pictures to the ratio of 64 x 64: s = n / 64 = 2, shift "
                       "sqrt(N / 64^2) = 2. Here n is at most 64, where s = n / 64 would mean nothing, so {0} x {0} "
                       "pictures are adjusted to the ratio of {1} x {1}: s = {2}, shift {2}.",
                       c.scale().image_size, c.scale().image_size / ratio, ratio),
           "The rows learn different targets at different times, so their losses cannot be compared. Their denoising "
           "errors can: every model is asked for the pictures behind noise of the same five strengths."},
      .rows = {{"baseline", c.llsa(), "32.66", ""},
               {"timestep shift", flow({.time = diffusion::TimeSampling::shift, .time_shift = double(ratio)}), "30.32",
                ""},
               {"logit-normal", flow({.time = diffusion::TimeSampling::logit_normal}), "30.22", ""},
               {"noise rescaling", flow({.noise_scale = double(ratio)}), "29.46", ""}},
      .comparable_loss = false};
}

TrainingTable token_orders(const Configurations& c) {
  const auto ordered = [&](const char* order) {
    TrainConfig config = c.llsa();
    config.model.attention.order = order;
    return config;
  };
  return {.name = "4d",
          .title = "Table 4(d): token order",
          .rows = {{"raster", ordered("raster"), "31.19", ""}, {"reordered (Morton)", c.llsa(), "29.46", ""}},
          .reference = 1};
}

}  // namespace

std::optional<TrainingTable> training_table(std::string_view name, const Scale& scale) {
  const Configurations c(scale);
  if (name == "2a") return designs(c);
  if (name == "2b") return block_sizes(c);
  if (name == "2c") return top_ks(c);
  if (name == "3") return methods(c);
  if (name == "4a") return enrichment_levels(c);
  if (name == "4b") return levels(c);
  if (name == "4c") return noise(c);
  if (name == "4d") return token_orders(c);
  return std::nullopt;
}

double keys_per_query(const diffusion::TrainConfig& config) {
  const diffusion::ModelConfig& model = config.model;
  const Shape shape{1, model.heads, model.tokens(), model.head_dim()};
  return compare::key_count(
             resolve(method_options(model.attention.method, model.attention.options), shape, shape, shape))
      .keys();
}

}  // namespace llsa::compare::tables
