#include "demo/scaling.hpp"

#include <algorithm>

#include "compare/keys_per_query.hpp"
#include "compare/seconds_of.hpp"
#include "llsa/token_order.hpp"
#include "reference/dense.hpp"

namespace llsa::demo {
namespace {

constexpr int repetitions = 3, smallest_side = 32;

ScalingPoint measure(const files::Image& picture, bool with_dense, const datasets::ProjectionOptions& projection,
                     std::int64_t top_k, Attention<float>& attention, ThreadPool& threads) {
  const TokenOrder order = morton_order({1, picture.height, picture.width});
  const datasets::PixelTokens tokens = datasets::project(picture, datasets::local_features(picture), order, projection);
  const AttentionInputs<float> inputs{tokens.query.view(), tokens.key.view(), tokens.value.view()};
  Tensor<float> output(tokens.value.shape()), lse({1, 1, order.size(), 1});
  const AttentionOutputs<float> outputs{output.view(), lse.view()};
  const Options options{.top_k = {top_k}};

  ScalingPoint point{.tokens = order.size()};
  for (int i = 0; i < repetitions; ++i) {
    std::unique_ptr<AttentionState> state;
    point.llsa.push_back(compare::seconds_of([&] { state = attention.forward(inputs, options, outputs); }));
    if (with_dense)
      point.dense.push_back(compare::seconds_of(
          [&] { reference::dense_tiled<float>(inputs, state->options().scale, outputs, threads); }));
    point.levels = state->options().levels;
    point.keys_per_query = compare::keys_per_query(state->selection(), state->options(), 1);
  }
  return point;
}

}  // namespace

std::vector<ScalingPoint> measure_scaling(const files::Image& picture, const datasets::ProjectionOptions& projection,
                                          std::int64_t top_k, Attention<float>& attention, ThreadPool& threads,
                                          const std::function<void(const std::string&)>& progress) {
  datasets::ProjectionOptions one_head = projection;
  one_head.heads = 1;
  std::vector<ScalingPoint> points;
  const int side = std::max(picture.width, picture.height);
  for (int each = smallest_side; each <= std::max(2 * side, smallest_side); each *= 2) {
    progress(std::to_string(each) + " x " + std::to_string(each));
    points.push_back(measure(files::resize(picture, each, each), 2 * each <= std::max(side, 2 * smallest_side),
                             one_head, top_k, attention, threads));
  }
  return points;
}

}  // namespace llsa::demo
