#include "viewer/model/head.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace llsa::viewer {
namespace {

void check_index(const char* what, std::int64_t index, std::int64_t count) {
  if (index < 0 || index >= count) throw Error(fmt::format("{} is {}; there are {}", what, index, count));
}

/// The head's tokens, from the order of the file into the wanted one.
Tensor<float> reorder(HeadView<const float> from, const TokenOrder& stored, const TokenOrder& wanted) {
  Tensor<float> result(Shape{1, 1, from.tokens, from.dim});
  for (std::int64_t i = 0; i < from.tokens; ++i) {
    const std::int64_t cell = wanted.to_raster()[static_cast<std::size_t>(i)];
    const std::int64_t source = stored.from_raster()[static_cast<std::size_t>(cell)];
    std::copy_n(from.row(source), from.dim, result.data() + i * from.dim);
  }
  return result;
}

}  // namespace

Head take_head(const Document& document, int set, std::int64_t batch, std::int64_t head, const std::string& order) {
  check_index("set", set, static_cast<std::int64_t>(document.sets.size()));
  const QkvSet& qkv = document.sets[static_cast<std::size_t>(set)];
  check_index("batch entry", batch, qkv.query.shape().batch);
  check_index("head", head, qkv.query.shape().heads);
  const std::string& name = order.empty() ? document.order : order;
  const TokenOrder stored_queries = token_order(document.order, document.query_grid);
  const TokenOrder stored_keys = token_order(document.order, document.key_grid);
  TokenOrder queries = token_order(name, document.query_grid), keys = token_order(name, document.key_grid);
  Tensor<float> q = reorder(qkv.query.cview().head(batch, head), stored_queries, queries);
  // Several query heads may share one of the keys (spec section 9).
  const std::int64_t key_head = head / (qkv.query.shape().heads / qkv.key.shape().heads);
  Tensor<float> k = reorder(qkv.key.cview().head(batch, key_head), stored_keys, keys);
  Tensor<float> v = reorder(qkv.value.cview().head(batch, key_head), stored_keys, keys);
  return {std::move(q),
          std::move(k),
          std::move(v),
          std::move(queries),
          std::move(keys),
          GridLayout(document.query_grid),
          GridLayout(document.key_grid)};
}

}  // namespace llsa::viewer
