#pragma once

#include <cstdint>
#include <vector>

#include "llsa/selection.hpp"

namespace pyllsa {

/// How the selection of a whole problem lies in one flat int32 buffer, so that its size follows from shapes alone and
/// an operator can state it without computing: level 1 first, each level `[batch * heads, rows, width]` with `rows =
/// T_l` (packed: at most `Nq / B^l + S`; sequences follow one another, unused rows hold -1) and `width = min(K_l, T_l
/// of all keys)`, filled up with -1.
class ListLayout {
 public:
  /// `sequences == 0`: not packed. `top_k` has one number for each level.
  ListLayout(std::int64_t heads, std::int64_t queries, std::int64_t keys, std::int64_t sequences,
             std::int64_t block_size, const std::vector<std::int64_t>& top_k);

  int levels() const { return static_cast<int>(rows_.size()); }
  std::int64_t rows(int level) const { return rows_[static_cast<std::size_t>(level - 1)]; }
  std::int64_t width(int level) const { return widths_[static_cast<std::size_t>(level - 1)]; }
  std::int64_t size() const { return size_; }

  /// Writes the lists of one sequence, whose first row of each level is `first_rows[l - 1]`, which then moves on.
  void write(const llsa::Selection& selection, std::vector<std::int64_t>& first_rows, std::int32_t* buffer) const;
  /// Reads those of `heads` (batch * heads) back. Throws `llsa::Error` when a row holds more indices than any query can
  /// have.
  llsa::Selection read(const llsa::ResolvedOptions& options, std::int64_t heads, std::vector<std::int64_t>& first_rows,
                       const std::int32_t* buffer) const;

 private:
  std::int64_t size_ = 0;
  std::vector<std::int64_t> rows_, widths_, offsets_;
};

}  // namespace pyllsa
