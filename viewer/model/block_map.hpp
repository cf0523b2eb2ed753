#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "viewer/model/geometry.hpp"
#include "viewer/model/head_result.hpp"

namespace llsa::viewer {

/// What the cells of a block map show.
enum class BlockValue { rank, score };
std::string_view name_of(BlockValue value);

/// A part of a block map as an image: at most as many pixels as cells, and at most as many as asked for.
struct BlockImage {
  Box world;  ///< the cells that it covers, whole ones
  int width = 0, height = 0;
  std::vector<float> values;         ///< the largest of the cells under each pixel
  std::vector<std::uint8_t> filled;  ///< whether any of these cells was selected
};

/// Query tokens (rows) x key tokens (columns) of one level, one unit a cell. Read straight from the selection's lists:
/// the cost is that of the visible rows' lists, whatever the size of the map.
class BlockMap {
 public:
  BlockMap(const HeadSelection& head, int level) : head_(&head), level_(level) {}

  int level() const { return level_; }
  Box bounds() const;
  /// Query and key token under a world point.
  struct Cell {
    std::int64_t query = 0, key = 0;
    friend bool operator==(const Cell&, const Cell&) = default;
  };
  std::optional<Cell> hit(Point world) const;
  /// Rank (0 is best) and score where selected.
  struct Entry {
    int rank = 0;
    float score = 0;
  };
  std::optional<Entry> entry(Cell cell) const;
  /// The extents that `paint` gives for these arguments, without values.
  BlockImage part(const Box& visible, int max_width, int max_height) const;
  /// `rank` values are 1 for the best, falling towards 0 for the last; `score` values are the scores.
  BlockImage paint(const Box& visible, int max_width, int max_height, BlockValue value) const;

 private:
  const HeadSelection* head_;
  int level_;
};

}  // namespace llsa::viewer
