#include "compare/approximate/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "datasets/pixel_projection.hpp"
#include "datasets/procedural.hpp"
#include "files/layout.hpp"
#include "files/tensor_file.hpp"
#include "llsa/error.hpp"
#include "llsa/grid_text.hpp"
#include "llsa/option_metadata.hpp"
#include "llsa/options.hpp"

namespace llsa::compare::approximate {
namespace {

constexpr const char* as_stored = "as stored";

void require_finite(const Tensor<float>& tensor, const char* name) {
  const auto at = std::ranges::find_if(tensor.flat(), [](float x) { return !std::isfinite(x); });
  if (at == tensor.flat().end()) return;
  const std::int64_t index = at - tensor.flat().begin(), row = index / tensor.shape().dim;
  throw Error(fmt::format("{} holds {} (head {}, token {}); only finite numbers can be compared", name, *at,
                          row / tensor.shape().tokens, row % tensor.shape().tokens));
}

/// The grid and order that the metadata gives, where they fit queries and keys alike.
void read_layout(Input& input, const std::map<std::string, std::string>& metadata) {
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const auto at = metadata.find(key);
    return at == metadata.end() ? std::nullopt : std::optional(at->second);
  };
  input.order = as_stored;
  const std::int64_t tokens = input.query.shape().tokens;
  const auto grid_text = text("grid");
  if (!grid_text) return;
  const Grid grid = grid_from(*grid_text);
  if (grid.size() != tokens)
    throw Error(
        fmt::format("metadata grid is {}, {} cells; the file has {} query tokens", *grid_text, grid.size(), tokens));
  const auto order = text("order");
  const auto key_grid = text("key_grid");
  const bool alike = input.key.shape().tokens == tokens && (!key_grid || grid_from(*key_grid) == grid);
  if (!order || !alike) return;
  token_order(*order, {1, 1, 1});  // refuses an unknown name
  input.grid = grid;
  input.order = *order;
}

Tensor<float> permuted(const Tensor<float>& tensor, const std::vector<std::int64_t>& to) {
  Tensor<float> result(tensor.shape());
  const Shape& s = tensor.shape();
  for (std::int64_t head = 0; head < s.batch * s.heads; ++head)
    for (std::int64_t i = 0; i < s.tokens; ++i)
      std::copy_n(tensor.view().head(head).row(i), s.dim,
                  result.view().head(head).row(to[static_cast<std::size_t>(i)]));
  return result;
}

Tensor<float> front(const Tensor<float>& tensor, std::int64_t batch, std::int64_t heads) {
  const Shape& s = tensor.shape();
  Tensor<float> result({std::min(batch, s.batch), std::min(heads, s.heads), s.tokens, s.dim});
  const std::int64_t size = s.tokens * s.dim;
  for (std::int64_t b = 0; b < result.shape().batch; ++b)
    std::copy_n(tensor.data() + b * s.heads * size, result.shape().heads * size,
                result.data() + b * result.shape().heads * size);
  return result;
}

}  // namespace

Input input_from_file(const std::filesystem::path& path) {
  const files::TensorFile file = files::read_tensor_file(path);
  try {
    const std::string layout = files::said_layout(file.metadata);
    Input input{.name = path.filename().string(),
                .query = files::to_bhnd<float>(file.at("q"), layout),
                .key = files::to_bhnd<float>(file.at("k"), layout),
                .value = files::to_bhnd<float>(file.at("v"), layout)};
    Options options{.levels = 0};
    options.scale = llsa::options_from(file.metadata).scale;
    input.scale = resolve(options, input.query.shape(), input.key.shape(), input.value.shape()).scale;
    require_finite(input.query, "q");
    require_finite(input.key, "k");
    require_finite(input.value, "v");
    read_layout(input, file.metadata);
    const auto made = file.metadata.find("source");
    input.source = fmt::format("The tensors q, k, v of `{}`{}.", input.name,
                               made == file.metadata.end() ? "" : " (" + made->second + ")");
    return input;
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

Input input_from_picture(const PictureRequest& request) {
  constexpr int smallest = 8, largest = 1024;
  const int size = request.size;
  if (size < smallest || size > largest)
    throw Error(fmt::format("size is {}; it must be {} to {}", size, smallest, largest));
  const datasets::ProjectionOptions projection{
      .heads = request.heads, .head_dim = request.head_dim, .seed = request.seed};
  datasets::validate(projection);
  const bool generated = request.path.empty();
  const files::Image picture = generated ? datasets::landscape(size, size, request.seed)
                                         : files::resize_and_crop(files::read_image(request.path), size, size);
  const Grid grid{1, size, size};
  datasets::PixelTokens tokens =
      datasets::project(picture, datasets::local_features(picture), token_order("morton", grid), projection);
  const std::string what = generated ? fmt::format("landscape {}", request.seed) : request.path.stem().string();
  return {
      .name = fmt::format("{}, {} x {}", what, size, size),
      .source = fmt::format("The pixels of {} at {} x {}, projected to {} head{} of dimension {} as llsa-demo does it.",
                            generated ? fmt::format("a generated landscape (seed {})", request.seed)
                                      : "`" + request.path.filename().string() + "`",
                            size, size, request.heads, request.heads == 1 ? "" : "s", request.head_dim),
      .query = std::move(tokens.query),
      .key = std::move(tokens.key),
      .value = std::move(tokens.value),
      .grid = grid,
      .order = "morton",
      .scale = 1 / std::sqrt(static_cast<double>(request.head_dim))};
}

Input first_heads(const Input& input, std::int64_t batch, std::int64_t heads) {
  const std::int64_t group = input.query.shape().heads / input.key.shape().heads;
  const std::int64_t key_heads = std::max<std::int64_t>(heads / group, 1);
  Input result = input;
  result.query = front(input.query, batch, key_heads * group);
  result.key = front(input.key, batch, key_heads);
  result.value = front(input.value, batch, key_heads);
  return result;
}

std::vector<std::int64_t> position_map(const Input& input, const std::string& to) {
  std::vector<std::int64_t> map(static_cast<std::size_t>(input.query.shape().tokens));
  if (to == input.order) {
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = static_cast<std::int64_t>(i);
    return map;
  }
  if (!input.grid)
    throw Error(fmt::format("token order '{}' needs a known grid and order; {} does not say them", to, input.name));
  const TokenOrder from = token_order(input.order, *input.grid), target = token_order(to, *input.grid);
  for (std::size_t i = 0; i < map.size(); ++i)
    map[i] = target.from_raster()[static_cast<std::size_t>(from.to_raster()[i])];
  return map;
}

Input reordered(const Input& input, const std::string& order) {
  const std::vector<std::int64_t> to = position_map(input, order);
  Input result = input;
  if (order == input.order) return result;
  result.query = permuted(input.query, to);
  result.key = permuted(input.key, to);
  result.value = permuted(input.value, to);
  result.order = order;
  return result;
}

}  // namespace llsa::compare::approximate
