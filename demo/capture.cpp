#include "demo/capture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "files/layout.hpp"
#include "files/tensor_file.hpp"
#include "llsa/error.hpp"
#include "llsa/option_metadata.hpp"

namespace llsa::demo {
namespace {

using Metadata = std::map<std::string, std::string>;

std::string said(const Metadata& metadata, const std::string& key, const std::string& otherwise) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? otherwise : found->second.substr(0, 60);
}

std::string required(const Metadata& metadata, const std::string& key) {
  if (!metadata.contains(key)) throw Error(fmt::format("has no metadata '{}'", key));
  return said(metadata, key, "");
}

std::string name_of(const Metadata& metadata) {
  const std::string layer = said(metadata, "layer", "?"), step = said(metadata, "step", "?");
  return fmt::format("layer {}, step {} of {} (time {})", layer, step, said(metadata, "steps", "?"),
                     said(metadata, "time", "?"));
}

Tensor<float> tensor_of(const files::TensorFile& file, const char* name) {
  Tensor<float> tensor = files::to_bhnd<float>(file.at(name), files::said_layout(file.metadata));
  if (tensor.shape().batch != 1)
    throw Error(fmt::format("holds {} pictures; give a capture of one", tensor.shape().batch));
  return tensor;
}

/// LLSA with the sizes of the model's attention, whatever that was; dense attention has none, and gets the defaults.
Options llsa_options(const Options& model, std::int64_t tokens) {
  if (model.levels == 0) return {.levels = 1, .scale = model.scale};
  return {.block_size = model.block_size,
          .levels = model.levels ? *model.levels : std::max(1, automatic_levels(tokens, model.block_size)),
          .top_k = model.top_k,
          .coverage = model.coverage,
          .scale = model.scale};
}

Capture parse(const files::TensorFile& file, files::Image picture) {
  const Grid grid{.height = picture.height, .width = picture.width};
  const std::string size = fmt::format("{}x{}", grid.height, grid.width);
  if (const std::string stored = required(file.metadata, "grid"); stored != size)
    throw Error(fmt::format("has a grid of {} tokens; the picture has {} pixels (height x width)", stored, size));
  Capture capture{.name = name_of(file.metadata),
                  .tokens = {tensor_of(file, "q"), tensor_of(file, "k"), tensor_of(file, "v")},
                  .order = token_order(required(file.metadata, "order"), grid),
                  .picture = std::move(picture),
                  .options = llsa_options(llsa::options_from(file.metadata), grid.size())};
  const datasets::PixelTokens& tokens = capture.tokens;
  resolve(capture.options, tokens.query.shape(), tokens.key.shape(), tokens.value.shape());
  if (tokens.query.shape().tokens != grid.size() || tokens.key.shape().tokens != grid.size())
    throw Error(fmt::format("holds {} queries and {} keys for a grid of {}", tokens.query.shape().tokens,
                            tokens.key.shape().tokens, size));
  return capture;
}

struct SquaredError {
  double difference = 0, norm = 0;
};

/// Squared norms of one output row: of the difference from dense attention's, and of that itself.
SquaredError row_error(const MethodResult& result, const MethodResult& dense, std::int64_t head, std::int64_t i) {
  SquaredError error;
  for (std::int64_t d = 0; d < result.output.shape().dim; ++d) {
    const double want = dense.output(0, head, i, d), difference = result.output(0, head, i, d) - want;
    error.difference += difference * difference;
    error.norm += want * want;
  }
  return error;
}

/// Sets head and query to where the model's LLSA is farthest from dense attention.
void find_worst(CaptureResult& result) {
  const Shape& shape = result.results[dense_method].output.shape();
  double worst = -1;
  for (std::int64_t head = 0; head < shape.heads; ++head) {
    SquaredError sum;
    double largest = -1;
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < shape.tokens; ++i) {
      const SquaredError row = row_error(result.results[captured_llsa], result.results[dense_method], head, i);
      sum.difference += row.difference;
      sum.norm += row.norm;
      if (row.difference > largest) largest = row.difference, at = i;
    }
    const double relative = sum.norm > 0 ? sum.difference / sum.norm : sum.difference;
    if (relative <= worst) continue;
    worst = relative;
    const auto raster = static_cast<int>(result.capture->order.to_raster()[static_cast<std::size_t>(at)]);
    result.head = head;
    result.query = {raster / result.capture->picture.width, raster % result.capture->picture.width};
  }
}

}  // namespace

Capture read_capture(const std::filesystem::path& tensors, const std::filesystem::path& picture) {
  files::Image image = files::read_image(picture);
  const files::TensorFile file = files::read_tensor_file(tensors);
  try {
    return parse(file, std::move(image));
  } catch (const Error& problem) {
    throw Error(fmt::format("{}: {}", tensors.string(), problem.what()));
  }
}

CaptureResult compare_methods(const Capture& capture, Attention<float>& attention, ThreadPool& threads,
                              const std::function<void(const std::string&)>& progress) {
  CaptureResult result{.capture = &capture};
  result.results =
      run_methods(capture.tokens, methods_around(capture.options, capture.order.size()), attention, threads, progress);
  find_worst(result);
  return result;
}

}  // namespace llsa::demo
