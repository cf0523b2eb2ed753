#include "compare/verify/locate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace llsa::compare::verify {

std::vector<RowRef> wrong_rows(const Comparison& comparison, const Shape& shape, double allowed) {
  std::vector<RowRef> rows;
  for (std::size_t row = 0; row < comparison.row_errors.size(); ++row)
    if (!(comparison.row_errors[row] <= allowed))
      rows.push_back({static_cast<std::int64_t>(row) / shape.tokens, static_cast<std::int64_t>(row) % shape.tokens});
  return rows;
}

std::string locate(const std::vector<RowRef>& wrong, const Shape& shape, std::int64_t block_size) {
  if (wrong.empty()) return {};
  const std::int64_t heads = shape.batch * shape.heads;
  std::set<std::int64_t> in_heads, places;
  std::int64_t first = shape.tokens, last = 0;
  for (const RowRef& row : wrong) {
    in_heads.insert(row.head);
    places.insert(row.token % block_size);
    first = std::min(first, row.token);
    last = std::max(last, row.token);
  }
  std::string text = fmt::format("{} of {} rows hold an element that is off", wrong.size(), heads * shape.tokens);
  if (static_cast<std::int64_t>(wrong.size()) == heads * shape.tokens) return text;
  if (static_cast<std::int64_t>(in_heads.size()) < heads)
    text += in_heads.size() <= 8 ? fmt::format(", all in head{} {} of {}", in_heads.size() > 1 ? "s" : "",
                                               fmt::join(in_heads, ", "), heads)
                                 : fmt::format(", in {} of {} heads", in_heads.size(), heads);
  const std::int64_t last_block = (shape.tokens - 1) / block_size * block_size;
  if (first == last)
    text += fmt::format(", token {}", first);
  else if (first > 0 || last < shape.tokens - 1)
    text += fmt::format(", tokens {} to {}", first, last);
  if (first >= last_block && shape.tokens > block_size)
    text += fmt::format(" (all in the last block{})", shape.tokens % block_size != 0 ? ", which is ragged" : "");
  else if (places.size() == 1 && block_size > 1 && wrong.size() > 2)
    text += fmt::format(", all at place {} of their block", *places.begin());
  return text;
}

std::vector<RowRef> sample_rows(const std::vector<RowRef>& wrong, const Shape& shape, std::size_t most) {
  std::set<std::pair<std::int64_t, std::int64_t>> chosen;
  const std::int64_t rows = shape.batch * shape.heads * shape.tokens;
  chosen.insert({shape.batch * shape.heads - 1, shape.tokens - 1});
  const std::size_t from_wrong = std::min(wrong.size(), most * 2 / 3);
  for (std::size_t n = 0; n < from_wrong; ++n) {
    const RowRef& row = wrong[n * wrong.size() / from_wrong];
    chosen.insert({row.head, row.token});
  }
  const auto from_all = std::min<std::int64_t>(rows, static_cast<std::int64_t>(most - std::min(most, chosen.size())));
  for (std::int64_t n = 0; n < from_all; ++n) {
    const std::int64_t row = n * rows / from_all;
    chosen.insert({row / shape.tokens, row % shape.tokens});
  }
  std::vector<RowRef> result;
  for (const auto& [head, token] : chosen) result.push_back({head, token});
  return result;
}

}  // namespace llsa::compare::verify
