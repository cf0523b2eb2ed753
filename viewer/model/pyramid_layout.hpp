#pragma once

#include <optional>
#include <vector>

#include "viewer/model/geometry.hpp"
#include "viewer/model/query_view.hpp"

namespace llsa::viewer {

/// A token of the pyramid view.
struct PyramidNode {
  LevelToken key;
  int rank = -1;    ///< among the selected of its level, -1 for candidates only; fine keys have none
  float score = 0;  ///< of the selection; for fine keys their share of the softmax
  int parent = -1;  ///< index of the selected node one level up, -1 at the top
  Box rect;
};

/// Rows from the coarsest level (top, y = 0) down to the fine keys; in each the query's candidates. World x runs over
/// [0, 1], one row is one unit high of which the lower part is left free for the lines to the children.
/// Compact: candidates side by side, all equally wide, in the order of the sequence. To scale: where they lie in the
/// sequence, as wide as what they stand for. Nodes of one row never overlap; `hit` inverts the rectangles.
class PyramidLayout {
 public:
  PyramidLayout() = default;
  PyramidLayout(const QueryView& view, bool to_scale);

  const std::vector<PyramidNode>& nodes() const { return nodes_; }  ///< by row, left to right
  int rows() const { return rows_; }
  int level_of_row(int row) const { return rows_ - 1 - row; }
  Box bounds() const { return {0, 0, 1, static_cast<double>(rows_)}; }
  /// The whole height of a row's tokens, over all x.
  Box row(int level) const;
  /// Index of the node under a world point.
  std::optional<std::size_t> hit(Point world) const;

 private:
  int rows_ = 0;
  std::vector<PyramidNode> nodes_;
};

}  // namespace llsa::viewer
