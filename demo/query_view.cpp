#include "demo/query_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "reference/naive.hpp"
#include "reference/one_query.hpp"

namespace llsa::demo {
namespace {

double score(const QueryContext& context, const ResolvedOptions& options, std::int64_t head, std::int64_t i,
             const reference::AttendedKey& key) {
  const std::int64_t key_head = options.key_head(head);
  const auto keys =
      key.level == 0 ? context.tokens.key.view().head(key_head) : context.key.level(key.level).head(key_head);
  const HeadView<const float> queries = context.tokens.query.view().head(head);
  double sum = 0;
  for (std::int64_t d = 0; d < queries.dim; ++d) sum += static_cast<double>(queries(i, d)) * keys(key.token, d);
  return options.scale * sum + std::log(key.weight);
}

std::vector<float> probabilities_of(const QueryContext& context, const ResolvedOptions& options, std::int64_t head,
                                    std::int64_t i, const std::vector<reference::AttendedKey>& keys) {
  std::vector<double> scores;
  for (const reference::AttendedKey& key : keys) scores.push_back(score(context, options, head, i, key));
  reference::softmax(scores);
  std::vector<double> probabilities(static_cast<std::size_t>(context.order.size()));
  for (std::size_t j = 0; j < keys.size(); ++j)
    reference::spread(options.key, keys[j].level, keys[j].token, scores[j], context.order.to_raster(), probabilities);
  return {probabilities.begin(), probabilities.end()};
}

}  // namespace

plot::Region QueryContext::region(const Hierarchy& hierarchy, int level, std::int64_t t) const {
  plot::Region result(picture.height, picture.width);
  result.insert(order, hierarchy.fine(level, t));
  return result;
}

std::vector<float> dense_probabilities(const QueryContext& context, const ResolvedOptions& options, std::int64_t head,
                                       datasets::Pixel query) {
  std::vector<reference::AttendedKey> keys(static_cast<std::size_t>(context.order.size()));
  for (std::size_t j = 0; j < keys.size(); ++j) keys[j].token = static_cast<std::int64_t>(j);
  return probabilities_of(context, options, head, context.token_at(query), keys);
}

std::vector<float> sparse_probabilities(const QueryContext& context, const MethodResult& result, std::int64_t head,
                                        datasets::Pixel query) {
  const std::int64_t i = context.token_at(query);
  return probabilities_of(context, result.options, head, i,
                          reference::naive_key_set(result.selection, result.options, head, i));
}

files::Image seen_by(const QueryContext& context, const MethodResult& result, std::int64_t head,
                     datasets::Pixel query) {
  const std::int64_t i = context.token_at(query);
  auto keys = reference::naive_key_set(result.selection, result.options, head, i);
  std::ranges::stable_sort(keys, [](const auto& a, const auto& b) { return a.level > b.level; });  // finest last
  files::Image seen(context.picture.width, context.picture.height);
  for (const reference::AttendedKey& key : keys) {
    const TokenRange fine = result.options.key.fine(key.level, key.token);
    const auto raster = [&](std::int64_t t) {
      return 3 * static_cast<std::size_t>(context.order.to_raster()[static_cast<std::size_t>(t)]);
    };
    std::array<double, 3> mean{};
    for (std::int64_t t = fine.begin; t < fine.end; ++t)
      for (std::size_t c = 0; c < 3; ++c)
        mean[c] += context.picture.rgb[raster(t) + c] / static_cast<double>(fine.size());
    for (std::int64_t t = fine.begin; t < fine.end; ++t)
      for (std::size_t c = 0; c < 3; ++c) seen.rgb[raster(t) + c] = static_cast<std::uint8_t>(std::lround(mean[c]));
  }
  return seen;
}

}  // namespace llsa::demo
