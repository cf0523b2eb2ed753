#include "viewer/model/layout.hpp"

#include <algorithm>

namespace llsa::viewer {

std::vector<Grid> grids_of(std::int64_t tokens) {
  std::vector<Grid> grids;
  for (std::int64_t height = 1; height * height <= tokens; ++height) {
    if (tokens % height != 0) continue;
    grids.push_back({1, height, tokens / height});
    if (height != tokens / height) grids.push_back({1, tokens / height, height});
  }
  std::ranges::stable_sort(grids, {}, [](Grid g) { return std::max(g.height, g.width); });
  return grids;
}

}  // namespace llsa::viewer
