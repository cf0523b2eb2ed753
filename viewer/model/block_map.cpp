#include "viewer/model/block_map.hpp"

#include <algorithm>
#include <cmath>

namespace llsa::viewer {

std::string_view name_of(BlockValue value) { return value == BlockValue::rank ? "rank" : "score"; }

Box BlockMap::bounds() const {
  return {0, 0, static_cast<double>(head_->options.key.length(level_)),
          static_cast<double>(head_->options.query.length(level_))};
}

std::optional<BlockMap::Cell> BlockMap::hit(Point world) const {
  if (!bounds().contains(world)) return {};
  return Cell{static_cast<std::int64_t>(world.y), static_cast<std::int64_t>(world.x)};
}

std::optional<BlockMap::Entry> BlockMap::entry(Cell cell) const {
  const auto list = head_->selection.list(level_, 0, cell.query);
  const auto found = std::ranges::find(list, cell.key);
  if (found == list.end()) return {};
  const auto rank = static_cast<std::size_t>(found - list.begin());
  const LevelSelection& lists = head_->selection.level(level_);
  const auto row = static_cast<std::size_t>(cell.query * lists.width);
  return Entry{static_cast<int>(rank), head_->scores[static_cast<std::size_t>(level_ - 1)][row + rank]};
}

BlockImage BlockMap::part(const Box& visible, int max_width, int max_height) const {
  const Box all = bounds();
  const auto first = [](double v, double end) {
    return static_cast<std::int64_t>(std::clamp(std::floor(v), 0.0, end));
  };
  const auto last = [](double v, double end) { return static_cast<std::int64_t>(std::clamp(std::ceil(v), 0.0, end)); };
  const std::int64_t column0 = first(visible.x0, all.x1), column1 = last(visible.x1, all.x1);
  const std::int64_t row0 = first(visible.y0, all.y1), row1 = last(visible.y1, all.y1);
  BlockImage image;
  if (column0 >= column1 || row0 >= row1 || max_width < 1 || max_height < 1) return image;
  image.world = {static_cast<double>(column0), static_cast<double>(row0), static_cast<double>(column1),
                 static_cast<double>(row1)};
  image.width = static_cast<int>(std::min<std::int64_t>(max_width, column1 - column0));
  image.height = static_cast<int>(std::min<std::int64_t>(max_height, row1 - row0));
  return image;
}

BlockImage BlockMap::paint(const Box& visible, int max_width, int max_height, BlockValue value) const {
  BlockImage image = part(visible, max_width, max_height);
  const auto column0 = static_cast<std::int64_t>(image.world.x0), column1 = static_cast<std::int64_t>(image.world.x1);
  const auto row0 = static_cast<std::int64_t>(image.world.y0), row1 = static_cast<std::int64_t>(image.world.y1);
  const auto pixels = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  image.values.assign(pixels, 0);
  image.filled.assign(pixels, 0);
  const LevelSelection& lists = head_->selection.level(level_);
  const std::vector<float>& scores = head_->scores[static_cast<std::size_t>(level_ - 1)];
  for (std::int64_t row = row0; row < row1; ++row) {
    const std::int64_t y = (row - row0) * image.height / (row1 - row0);
    const auto list = lists.list(0, row);
    for (std::size_t rank = 0; rank < list.size(); ++rank) {
      if (list[rank] < column0 || list[rank] >= column1) continue;
      const std::int64_t x = (list[rank] - column0) * image.width / (column1 - column0);
      const auto at = static_cast<std::size_t>(y * image.width + x);
      const float v = value == BlockValue::score ? scores[static_cast<std::size_t>(row * lists.width) + rank]
                                                 : 1 - static_cast<float>(rank) / static_cast<float>(lists.width);
      if (!image.filled[at] || v > image.values[at]) image.values[at] = v;
      image.filled[at] = 1;
    }
  }
  return image;
}

}  // namespace llsa::viewer
