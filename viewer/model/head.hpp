#pragma once

#include <memory>

#include "llsa/token_order.hpp"
#include "viewer/model/document.hpp"
#include "viewer/model/grid_layout.hpp"

namespace llsa::viewer {

/// One head of a document, its tokens brought into the order to attend in. Sequence positions below are in that order;
/// cells are raster indices of the grids.
struct Head {
  Tensor<float> query, key, value;  ///< `[1, 1, N, dim]`
  TokenOrder query_order, key_order;
  GridLayout query_cells, key_cells;

  std::int64_t query_cell(std::int64_t i) const { return query_order.to_raster()[static_cast<std::size_t>(i)]; }
  std::int64_t key_cell(std::int64_t i) const { return key_order.to_raster()[static_cast<std::size_t>(i)]; }
  std::int64_t query_position(std::int64_t cell) const {
    return query_order.from_raster()[static_cast<std::size_t>(cell)];
  }
  std::int64_t key_position(std::int64_t cell) const { return key_order.from_raster()[static_cast<std::size_t>(cell)]; }
};

/// `order` empty keeps the document's. Throws `Error` when set, batch or head do not exist or the order is unknown.
Head take_head(const Document& document, int set, std::int64_t batch, std::int64_t head, const std::string& order);

}  // namespace llsa::viewer
