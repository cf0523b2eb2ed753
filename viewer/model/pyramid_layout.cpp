#include "viewer/model/pyramid_layout.hpp"

#include <algorithm>
#include <cmath>

namespace llsa::viewer {
namespace {
constexpr double token_height = 0.45;
}

PyramidLayout::PyramidLayout(const QueryView& view, bool to_scale) : rows_(view.head->levels() + 1) {
  const Hierarchy& hierarchy = view.head->options.key;
  std::size_t above = 0;  // where the row above begins
  for (int level = rows_ - 1; level >= 0; --level) {
    const std::size_t begin = nodes_.size();
    if (level > 0) {
      for (const Candidate& c : view.level(level).candidates)
        nodes_.push_back({{level, c.token}, c.rank, c.score, -1, {}});
    } else {
      for (const ScoredKey& key : view.keys)
        if (key.key.level == 0) nodes_.push_back({key.key, -1, static_cast<float>(key.probability), -1, {}});
    }
    const auto row_begin = nodes_.begin() + static_cast<std::ptrdiff_t>(begin);
    std::sort(row_begin, nodes_.end(), [](const auto& a, const auto& b) { return a.key.token < b.key.token; });
    const double width = 1.0 / static_cast<double>(nodes_.size() - begin);
    const Box band = row(level);
    for (std::size_t n = begin; n < nodes_.size(); ++n) {
      PyramidNode& node = nodes_[n];
      const TokenRange fine = hierarchy.fine(level, node.key.token);
      const auto all = static_cast<double>(hierarchy.tokens()), slot = static_cast<double>(n - begin);
      node.rect =
          to_scale ? Box{static_cast<double>(fine.begin) / all, band.y0, static_cast<double>(fine.end) / all, band.y1}
                   : Box{slot * width, band.y0, (slot + 1) * width, band.y1};
      if (level == rows_ - 1) continue;
      const std::int64_t parent = node.key.token / hierarchy.block_size();
      const auto row_above_end = nodes_.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto found = std::lower_bound(nodes_.begin() + static_cast<std::ptrdiff_t>(above), row_above_end, parent,
                                          [](const auto& a, std::int64_t token) { return a.key.token < token; });
      if (found != row_above_end && found->key.token == parent) node.parent = static_cast<int>(found - nodes_.begin());
    }
    above = begin;
  }
}

Box PyramidLayout::row(int level) const {
  const double top = rows_ - 1 - level + (1 - token_height) / 2;
  return {0, top, 1, top + token_height};
}

std::optional<std::size_t> PyramidLayout::hit(Point world) const {
  if (!bounds().contains(world)) return {};
  const int level = level_of_row(static_cast<int>(world.y));
  const Box band = row(level);
  if (!band.contains({0, world.y})) return {};
  // The last node of the row that begins at or before the point.
  const auto after = std::partition_point(nodes_.begin(), nodes_.end(), [&](const PyramidNode& node) {
    return node.key.level > level || (node.key.level == level && node.rect.x0 <= world.x);
  });
  if (after == nodes_.begin()) return {};
  const auto node = after - 1;
  if (node->key.level != level || !node->rect.contains(world)) return {};
  return static_cast<std::size_t>(node - nodes_.begin());
}

}  // namespace llsa::viewer
