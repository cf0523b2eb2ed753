#include "diffusion/config.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

void require(bool good, const char* field, std::int64_t value, const std::string& allowed) {
  if (!good) throw Error(fmt::format("model {} is {}; it must be {}", field, value, allowed));
}

nlohmann::json to_json(const AttentionChoice& attention) {
  const Options& o = attention.options;
  nlohmann::json json = {{"name", attention.method},
                         {"block_size", o.block_size},
                         {"top_k", o.top_k},
                         {"reweight", o.reweight},
                         {"coverage", std::string(name_of(o.coverage))}};
  if (o.levels) json["levels"] = *o.levels;
  if (o.enrichment_levels) json["enrichment_levels"] = *o.enrichment_levels;
  if (o.scale) json["scale"] = *o.scale;
  return json;
}

AttentionChoice attention_from(const nlohmann::json& json) {
  AttentionChoice attention;
  attention.method = json.at("name").get<std::string>();
  Options& o = attention.options;
  o.block_size = json.at("block_size").get<std::int64_t>();
  o.top_k = json.at("top_k").get<std::vector<std::int64_t>>();
  o.reweight = json.at("reweight").get<bool>();
  o.coverage = coverage_from(json.at("coverage").get<std::string>());
  if (json.contains("levels")) o.levels = json.at("levels").get<int>();
  if (json.contains("enrichment_levels")) o.enrichment_levels = json.at("enrichment_levels").get<int>();
  if (json.contains("scale")) o.scale = json.at("scale").get<double>();
  return attention;
}

/// Elements are numbered in 32 bits.
constexpr std::int64_t most_elements = (std::int64_t{1} << 31) - 1;

void validate(const files::PictureExtent& extent) {
  const auto in_range = [](std::int64_t side) { return side >= 1 && side <= 8192; };
  if (!in_range(extent.height) || !in_range(extent.width)) {
    throw Error(fmt::format("model image size is {}; it must be 1 to 8192, or height x width of 1 to 8192 each",
                            files::size_text(extent)));
  }
  require(extent.frames >= 1 && extent.frames <= 1024, "frames", extent.frames, "1 (a picture) to 1024");
}

files::PictureExtent extent_from(const nlohmann::json& json) {
  const nlohmann::json& size = json.at("image_size");
  files::PictureExtent extent = size.is_string()
                                    ? files::picture_extent_from(size.get<std::string>(), "model image size")
                                    : files::square(size.get<std::int64_t>());
  if (json.contains("frames")) json.at("frames").get_to(extent.frames);
  return extent;
}

}  // namespace

void validate(const ModelConfig& c) {
  const auto at_least_one = "at least 1";
  validate(c.extent);
  require(c.channels >= 1 && c.channels <= 64, "channels", c.channels, "1 to 64");
  require(c.patch_size >= 1 && c.extent.height % c.patch_size == 0 && c.extent.width % c.patch_size == 0, "patch size",
          c.patch_size, fmt::format("a divisor of the image size {}", files::size_text(c.extent)));
  require(c.image_elements() <= most_elements, "picture's numbers", c.image_elements(),
          fmt::format("at most {} (frames x channels x height x width)", most_elements));
  require(c.stages >= 1 && c.stages <= 8, "stages", c.stages, "1 to 8");
  const std::int64_t smallest = c.patch_size << (c.stages - 1);
  require(c.extent.height % smallest == 0 && c.extent.width % smallest == 0, "stages", c.stages,
          fmt::format("so many that 2^(stages - 1) x the patch size {} divides the image size {}", c.patch_size,
                      files::size_text(c.extent)));
  require(c.layers >= 1 && c.layers <= 1024, "layers", c.layers, "1 to 1024");
  require(c.heads >= 1, "heads", c.heads, at_least_one);
  require(c.hidden >= 4 && c.hidden <= 65536 && c.hidden % c.heads == 0 && c.head_dim() % 4 == 0, "hidden size",
          c.hidden, fmt::format("{} heads (the number of heads) times a multiple of 4, at most 65536", c.heads));
  require(c.extent.is_picture() || c.head_dim() >= 8, "head dimension", c.head_dim(), "at least 8 for videos");
  require(c.mlp_ratio >= 1 && c.mlp_ratio <= 64, "MLP ratio", c.mlp_ratio, "1 to 64");
  require(c.classes >= 0 && c.classes <= 1'000'000, "classes", c.classes, "0 to 1000000");
  if (!c.class_names.empty() && c.class_names.size() != static_cast<std::size_t>(c.classes)) {
    throw Error(fmt::format("model has {} class names; it must have one for each of its {} classes, or none",
                            c.class_names.size(), c.classes));
  }
  require(c.frequency_dim >= 4 && c.frequency_dim <= 65536 && c.frequency_dim % 2 == 0, "frequency dimension",
          c.frequency_dim, "even, 4 to 65536");
  if (!(c.rope_base > 1) || !std::isfinite(c.rope_base)) {
    throw Error(fmt::format("model rotary base is {}; it must be finite and above 1", c.rope_base));
  }
  token_order(c.attention.order, {.frames = 1, .height = 1, .width = 1});  // refuses an unknown name
  resolve(method_options(c.attention.method, c.attention.options), c.head_shape(), c.head_shape(), c.head_shape());
}

ModelConfig preset(std::string_view name) {
  if (name == "tiny") return {.hidden = 96, .layers = 6, .heads = 3};
  if (name == "S") return {.hidden = 384, .layers = 12, .heads = 6};
  if (name == "B") return {.hidden = 768, .layers = 12, .heads = 12};
  throw Error(fmt::format("preset is '{}'; it must be tiny, S or B", name));
}

std::vector<std::string> preset_names() { return {"tiny", "S", "B"}; }

nlohmann::json size_to_json(const files::PictureExtent& extent) {
  if (extent.height == extent.width) return extent.height;
  return files::size_text(extent);
}

nlohmann::json to_json(const ModelConfig& c) {
  nlohmann::json json = {{"image_size", size_to_json(c.extent)},
                         {"channels", c.channels},
                         {"patch_size", c.patch_size},
                         {"hidden", c.hidden},
                         {"layers", c.layers},
                         {"heads", c.heads},
                         {"mlp_ratio", c.mlp_ratio},
                         {"classes", c.classes},
                         {"frequency_dim", c.frequency_dim},
                         {"per_block_embedders", c.per_block_embedders},
                         {"rope_base", c.rope_base},
                         {"order", c.attention.order},
                         {"attention", to_json(c.attention)}};
  if (!c.extent.is_picture()) json["frames"] = c.extent.frames;
  if (c.stages > 1) json["stages"] = c.stages;
  if (c.part_of_stages) json["part_of_stages"] = true;
  if (!c.class_names.empty()) json["class_names"] = c.class_names;
  return json;
}

ModelConfig model_config_from(const nlohmann::json& json) {
  ModelConfig c;
  try {
    c.extent = extent_from(json);
    json.at("channels").get_to(c.channels);
    json.at("patch_size").get_to(c.patch_size);
    json.at("hidden").get_to(c.hidden);
    json.at("layers").get_to(c.layers);
    json.at("heads").get_to(c.heads);
    json.at("mlp_ratio").get_to(c.mlp_ratio);
    json.at("classes").get_to(c.classes);
    if (json.contains("class_names")) json.at("class_names").get_to(c.class_names);
    json.at("frequency_dim").get_to(c.frequency_dim);
    json.at("per_block_embedders").get_to(c.per_block_embedders);
    json.at("rope_base").get_to(c.rope_base);
    if (json.contains("stages")) json.at("stages").get_to(c.stages);
    if (json.contains("part_of_stages")) json.at("part_of_stages").get_to(c.part_of_stages);
    c.attention = attention_from(json.at("attention"));
    json.at("order").get_to(c.attention.order);
  } catch (const nlohmann::json::exception& problem) {
    throw Error(fmt::format("model configuration is not usable: {}", problem.what()));
  }
  validate(c);
  return c;
}

}  // namespace llsa::diffusion
