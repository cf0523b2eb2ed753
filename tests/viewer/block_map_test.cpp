#include "viewer/model/block_map.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

std::shared_ptr<const HeadSelection> any_head() {
  auto p = *small_problems();
  p.settings.how.options.levels = *rc::gen::inRange(1, 4);
  p.settings.how.options.enrichment_levels.reset();
  return select(p);
}

RC_GTEST_PROP(BlockMap, every_cell_says_what_the_lists_say, ()) {
  const auto head = any_head();
  const BlockMap map(*head, *rc::gen::inRange(1, head->levels() + 1));
  const auto rows = head->options.query.length(map.level()), columns = head->options.key.length(map.level());
  RC_ASSERT(map.bounds() == (Box{0, 0, static_cast<double>(columns), static_cast<double>(rows)}));
  for (std::int64_t q = 0; q < rows; ++q) {
    const auto list = head->selection.list(map.level(), 0, q);
    for (std::int64_t k = 0; k < columns; ++k) {
      const auto found = std::ranges::find(list, k);
      const auto entry = map.entry({q, k});
      RC_ASSERT(entry.has_value() == (found != list.end()));
      if (entry) RC_ASSERT(entry->rank == found - list.begin());
      RC_ASSERT(map.hit({static_cast<double>(k) + 0.5, static_cast<double>(q) + 0.25}) == (BlockMap::Cell{q, k}));
    }
  }
  RC_ASSERT(!map.hit({-0.1, 0}) && !map.hit({0, static_cast<double>(rows)}));
}

RC_GTEST_PROP(BlockMap, at_full_size_the_picture_is_the_map, ()) {
  const auto head = any_head();
  const BlockMap map(*head, *rc::gen::inRange(1, head->levels() + 1));
  const BlockImage image = map.paint(map.bounds(), 1 << 12, 1 << 12, BlockValue::score);
  RC_ASSERT(image.world == map.bounds());
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const auto at = static_cast<std::size_t>(y * image.width + x);
      const auto entry = map.entry({y, x});
      RC_ASSERT(image.filled[at] == (entry ? 1 : 0));
      if (entry) RC_ASSERT(image.values[at] == entry->score);
    }
}

RC_GTEST_PROP(BlockMap, a_reduced_part_shows_the_best_of_the_cells_under_each_pixel, ()) {
  const auto head = any_head();
  const BlockMap map(*head, *rc::gen::inRange(1, head->levels() + 1));
  const Box all = map.bounds();
  const double x0 = *rc::gen::inRange<int>(-2, static_cast<int>(all.x1)),
               y0 = *rc::gen::inRange<int>(-2, static_cast<int>(all.y1));
  const Box visible{x0 + 0.5, y0 + 0.5, x0 + *rc::gen::inRange(1, 40), y0 + *rc::gen::inRange(1, 40)};
  const int most = *rc::gen::inRange(1, 9);
  const BlockImage image = map.paint(visible, most, most, BlockValue::rank);
  if (image.width == 0) {
    RC_ASSERT(visible.x0 >= all.x1 || visible.y0 >= all.y1 || visible.x1 <= 0 || visible.y1 <= 0);
    return;
  }
  RC_ASSERT(image.width <= most && image.height <= most);
  RC_ASSERT(image.world.x0 <= std::max(0.0, visible.x0) && image.world.x1 >= std::min(all.x1, visible.x1));
  std::vector<float> best(image.values.size(), -1);
  for (double y = image.world.y0; y < image.world.y1; ++y)
    for (double x = image.world.x0; x < image.world.x1; ++x) {
      const auto entry = map.entry({static_cast<std::int64_t>(y), static_cast<std::int64_t>(x)});
      if (!entry) continue;
      const auto column = static_cast<int>((x - image.world.x0) * image.width / image.world.width());
      const auto row = static_cast<int>((y - image.world.y0) * image.height / image.world.height());
      float& at = best[static_cast<std::size_t>(row * image.width + column)];
      at = std::max(at,
                    1 - static_cast<float>(entry->rank) / static_cast<float>(head->selection.level(map.level()).width));
    }
  for (std::size_t i = 0; i < best.size(); ++i) {
    RC_ASSERT(image.filled[i] == (best[i] >= 0 ? 1 : 0));
    if (image.filled[i]) RC_ASSERT(image.values[i] == best[i]);
  }
}

}  // namespace
}  // namespace llsa::viewer
