#include "diffusion/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "files/safetensors.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

constexpr const char* format_name = "llsa-diffusion-1";
constexpr const char* weights_prefix = "training.weights.";
constexpr const char* first_prefix = "training.first_moments.";
constexpr const char* second_prefix = "training.second_moments.";

constexpr std::uint64_t fnv1a_start = 0xcbf29ce484222325u;

std::uint64_t fnv1a(std::uint64_t hash, std::span<const std::byte> bytes) {
  for (const std::byte b : bytes) hash = (hash ^ static_cast<std::uint64_t>(b)) * 0x100000001b3u;
  return hash;
}

/// FNV-1a of every tensor's name and bytes: notices accidents, not intent. Added up, since a file may order tensors in
/// another way than the program.
std::string hash_of(const std::vector<files::NamedTensor>& tensors) {
  std::uint64_t total = 0;
  for (const files::NamedTensor& tensor : tensors) {
    total += fnv1a(fnv1a(fnv1a_start, std::as_bytes(std::span(tensor.name()))), tensor.bytes());
  }
  return fmt::format("{:016x}", total);
}

template <class Storage>
files::NamedTensor stored(const std::string& name, const Parameter& parameter, const float* block) {
  std::vector<Storage> values(std::size_t(parameter.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = Storage(block[parameter.offset + std::int64_t(i)]);
  return {name, parameter.shape, std::span<const Storage>(values)};
}

void append(std::vector<files::NamedTensor>& tensors, const ParameterLayout& layout, const std::string& prefix,
            const AlignedVector<float>& block, files::ElementType type = files::ElementType::f32) {
  for (const Parameter& parameter : layout.parameters()) {
    const std::string name = prefix + parameter.name;
    if (type == files::ElementType::f16)
      tensors.push_back(stored<half>(name, parameter, block.data()));
    else if (type == files::ElementType::bf16)
      tensors.push_back(stored<bfloat16>(name, parameter, block.data()));
    else
      tensors.push_back(stored<float>(name, parameter, block.data()));
  }
}

AlignedVector<float> block_from(const files::TensorFile& file, const ParameterLayout& layout,
                                const std::string& prefix) {
  AlignedVector<float> block(std::size_t(layout.size()), 0.0f);
  for (const Parameter& parameter : layout.parameters()) {
    const files::NamedTensor* tensor = file.find(prefix + parameter.name);
    if (!tensor) throw Error(fmt::format("tensor '{}' is missing", prefix + parameter.name));
    if (tensor->shape() != parameter.shape) {
      throw Error(fmt::format("tensor '{}' has shape {}; these settings need {}", tensor->name(),
                              files::describe_shape(tensor->shape()), files::describe_shape(parameter.shape)));
    }
    if (!files::is_floating(tensor->type())) {
      throw Error(fmt::format("tensor '{}' has type {}; it must be F16, BF16, F32 or F64", tensor->name(),
                              files::name_of(tensor->type())));
    }
    const std::vector<double> numbers = tensor->numbers();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (!std::isfinite(numbers[i])) throw Error(fmt::format("tensor '{}' holds {}", tensor->name(), numbers[i]));
      block[std::size_t(parameter.offset) + i] = float(numbers[i]);
    }
  }
  return block;
}

std::string metadata_of(const files::TensorFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) throw Error(fmt::format("metadata '{}' is missing", key));
  return found->second;
}

nlohmann::json json_from(const files::TensorFile& file, const char* key) {
  const nlohmann::json json = nlohmann::json::parse(metadata_of(file, key), nullptr, false);
  if (json.is_discarded()) throw Error(fmt::format("metadata '{}' is not JSON", key));
  return json;
}

std::int64_t count_from(const files::TensorFile& file, const char* key) {
  const nlohmann::json count = json_from(file, key);
  if (!count.is_number_integer() || count.get<std::int64_t>() < 0) {
    throw Error(fmt::format("metadata '{}' is {}; it must be a count", key, count.dump()));
  }
  return count.get<std::int64_t>();
}

files::TensorFile open(const std::filesystem::path& path) {
  files::TensorFile file = files::read_safetensors(path);
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != format_name) {
    throw Error(fmt::format("{}: is not a checkpoint of llsa-diffusion", path.string()));
  }
  return file;
}

/// Runs `read` with the path put before whatever it complains about.
template <class Read>
auto with_path(const std::filesystem::path& path, const Read& read) {
  const files::TensorFile file = open(path);
  try {
    if (metadata_of(file, "hash") != hash_of(file.tensors))
      throw Error("is damaged: its hash does not fit its content");
    return read(file);
  } catch (const Error& problem) {
    throw Error(fmt::format("{}: {}", path.string(), problem.what()));
  }
}

void save(const std::filesystem::path& path, const std::vector<files::NamedTensor>& tensors,
          std::map<std::string, std::string> metadata) {
  metadata["format"] = format_name;
  metadata["hash"] = hash_of(tensors);
  files::write_safetensors(path, tensors, metadata);
}

}  // namespace

std::string hash_of_weights(const Model& model) {
  return fmt::format("{:016x}", fnv1a(fnv1a_start, std::as_bytes(std::span(model.weights))));
}

void save_checkpoint(const std::filesystem::path& path, const TrainConfig& config, const TrainState& state) {
  const ParameterLayout layout(config.model);
  std::vector<files::NamedTensor> tensors;
  append(tensors, layout, "", state.averages);
  append(tensors, layout, weights_prefix, state.weights);
  append(tensors, layout, first_prefix, state.first_moments);
  append(tensors, layout, second_prefix, state.second_moments);
  save(path, tensors,
       {{"model", to_json(config.model).dump()},
        {"flow", to_json(config.flow).dump()},
        {"training", to_json(config).dump()},
        {"step", std::to_string(state.step)},
        {"data_position", std::to_string(state.data_position)}});
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  return with_path(path, [](const files::TensorFile& file) {
    Checkpoint checkpoint;
    checkpoint.config = train_config_from(json_from(file, "training"));
    const ParameterLayout layout(checkpoint.config.model);
    if (!file.find(weights_prefix + layout.parameters().front().name)) {
      throw Error("holds a model without training state; it can be sampled or given to --init-from, not resumed");
    }
    checkpoint.state.step = count_from(file, "step");
    checkpoint.state.data_position = std::uint64_t(count_from(file, "data_position"));
    checkpoint.state.averages = block_from(file, layout, "");
    checkpoint.state.weights = block_from(file, layout, weights_prefix);
    checkpoint.state.first_moments = block_from(file, layout, first_prefix);
    checkpoint.state.second_moments = block_from(file, layout, second_prefix);
    return checkpoint;
  });
}

void save_model(const std::filesystem::path& path, const Model& model, files::ElementType type) {
  std::vector<files::NamedTensor> tensors;
  append(tensors, ParameterLayout(model.config), "", model.weights, type);
  save(path, tensors,
       {{"model", to_json(model.config).dump()},
        {"flow", to_json(model.flow).dump()},
        {"training", model.training},
        {"step", std::to_string(model.step)}});
}

Model load_model(const std::filesystem::path& path) {
  return with_path(path, [](const files::TensorFile& file) {
    Model model;
    model.config = model_config_from(json_from(file, "model"));
    model.flow = flow_config_from(json_from(file, "flow"));
    model.training = metadata_of(file, "training");
    model.step = count_from(file, "step");
    model.weights = block_from(file, ParameterLayout(model.config), "");
    return model;
  });
}

namespace {

bool belongs_to_classes(const std::string& parameter) {
  return parameter.find("class_embedder.embedding_table") != std::string::npos;
}

/// Whether label i means the same in both; a model without names is believed.
bool same_classes(const ModelConfig& a, const ModelConfig& b) {
  return a.class_names.empty() || b.class_names.empty() || a.class_names == b.class_names;
}

}  // namespace

TakenOver take_over(const Model& from, const ModelConfig& config, std::span<float> weights) {
  const ParameterLayout old_layout(from.config), layout(config);
  TakenOver result;
  for (const Parameter& parameter : layout.parameters()) {
    const auto& olds = old_layout.parameters();
    const auto old =
        std::find_if(olds.begin(), olds.end(), [&](const Parameter& p) { return p.name == parameter.name; });
    if (old == olds.end()) {
      result.left_out.push_back(fmt::format("{}: not in the other model", parameter.name));
    } else if (old->shape != parameter.shape) {
      result.left_out.push_back(fmt::format("{}: shape {} there, {} here", parameter.name,
                                            files::describe_shape(old->shape), files::describe_shape(parameter.shape)));
    } else if (belongs_to_classes(parameter.name) && !same_classes(from.config, config)) {
      result.left_out.push_back(fmt::format("{}: the classes have other names there", parameter.name));
    } else {
      std::copy_n(from.weights.begin() + old->offset, old->size(), weights.begin() + parameter.offset);
      ++result.parameters;
    }
  }
  return result;
}

Model with_settings(const Model& model, const ModelConfig& config) {
  const ParameterLayout old_layout(model.config), layout(config);
  for (const Parameter& old : old_layout.parameters())
    for (const Parameter& parameter : layout.parameters())
      if (old.name == parameter.name && old.shape != parameter.shape)
        throw Error(fmt::format("the model's {} has shape {}; these settings need {}", old.name,
                                files::describe_shape(old.shape), files::describe_shape(parameter.shape)));
  Model result = model;
  result.config = config;
  result.weights.assign(std::size_t(layout.size()), 0.0f);
  initialise<float>(layout, 0, result.weights);
  take_over(model, config, result.weights);
  return result;
}

}  // namespace llsa::diffusion
