#include "lists.hpp"

#include <algorithm>
#include <string>

#include "llsa/error.hpp"

namespace pyllsa {

ListLayout::ListLayout(std::int64_t heads, std::int64_t queries, std::int64_t keys, std::int64_t sequences,
                       std::int64_t block_size, const std::vector<std::int64_t>& top_k) {
  const int levels = static_cast<int>(top_k.size());
  const llsa::Hierarchy query(queries, block_size, levels), key(keys, block_size, levels);
  std::int64_t whole = queries;  // spans of that length, floor(Nq / B^l)
  for (int l = 1; l <= levels; ++l) {
    whole /= block_size;
    rows_.push_back(sequences == 0 ? query.length(l) : whole + sequences);
    widths_.push_back(std::min(top_k[static_cast<std::size_t>(l - 1)], key.length(l)));
    offsets_.push_back(size_);
    size_ += heads * rows_.back() * widths_.back();
  }
}

void ListLayout::write(const llsa::Selection& selection, std::vector<std::int64_t>& first_rows,
                       std::int32_t* buffer) const {
  for (int l = 1; l <= levels(); ++l) {
    const auto at = static_cast<std::size_t>(l - 1);
    const llsa::LevelSelection& lists = selection.level(l);
    for (std::int64_t head = 0; head < lists.heads; ++head)
      for (std::int64_t t = 0; t < lists.queries; ++t) {
        const std::int32_t* from = lists.indices.data() + (head * lists.queries + t) * lists.width;
        std::int32_t* to = buffer + offsets_[at] + (head * rows_[at] + first_rows[at] + t) * widths_[at];
        std::copy_n(from, lists.width, to);
        std::fill(to + lists.width, to + widths_[at], -1);
      }
    first_rows[at] += lists.queries;
  }
}

llsa::Selection ListLayout::read(const llsa::ResolvedOptions& options, std::int64_t heads,
                                 std::vector<std::int64_t>& first_rows, const std::int32_t* buffer) const {
  llsa::Selection selection(heads, options);
  for (int l = 1; l <= levels(); ++l) {
    const auto at = static_cast<std::size_t>(l - 1);
    llsa::LevelSelection& lists = selection.level(l);
    for (std::int64_t head = 0; head < lists.heads; ++head)
      for (std::int64_t t = 0; t < lists.queries; ++t) {
        const std::int32_t* from = buffer + offsets_[at] + (head * rows_[at] + first_rows[at] + t) * widths_[at];
        std::copy_n(from, lists.width, lists.row(head, t).data());
        if (std::any_of(from + lists.width, from + widths_[at], [](std::int32_t index) { return index != -1; }))
          throw llsa::Error("selection of level " + std::to_string(l) + ", head " + std::to_string(head) +
                            ", query token " + std::to_string(t) + " has more than the " + std::to_string(lists.width) +
                            " indices that can be selected");
      }
    first_rows[at] += lists.queries;
  }
  return selection;
}

}  // namespace pyllsa
