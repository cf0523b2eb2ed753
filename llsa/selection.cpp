#include "llsa/selection.hpp"

#include <algorithm>
#include <string>

#include "llsa/error.hpp"

namespace llsa {
namespace {

[[noreturn]] void reject(int level, std::int64_t head, std::int64_t t, const std::string& why) {
  throw Error("selection of level " + std::to_string(level) + ", head " + std::to_string(head) + ", query token " +
              std::to_string(t) + ": " + why);
}

void check_row(const Selection& selection, const ResolvedOptions& options, int level, std::int64_t head, std::int64_t t,
               std::vector<std::int32_t>& allowed) {
  const LevelSelection& lists = selection.level(level);
  const auto list = lists.list(head, t);
  if (list.empty()) reject(level, head, t, "the list is empty; at least one key token must be selected");
  const std::int32_t* row = lists.indices.data() + (head * lists.queries + t) * lists.width;
  for (std::int64_t i = static_cast<std::int64_t>(list.size()); i < lists.width; ++i)
    if (row[i] != -1) reject(level, head, t, "index " + std::to_string(row[i]) + " follows -1, which ends a list");
  candidates(selection, options, level, head, t, allowed);
  std::sort(allowed.begin(), allowed.end());
  std::vector<std::int32_t> sorted(list.begin(), list.end());
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (!std::binary_search(allowed.begin(), allowed.end(), sorted[i]))
      reject(level, head, t,
             "index " + std::to_string(sorted[i]) + " is not a candidate (0 to " +
                 std::to_string(options.key.length(level) - 1) + ", below a key token that the parent selected)");
    if (i > 0 && sorted[i] == sorted[i - 1])
      reject(level, head, t, "index " + std::to_string(sorted[i]) + " is listed twice");
  }
}

}  // namespace

std::span<const std::int32_t> LevelSelection::list(std::int64_t head, std::int64_t t) const {
  const std::int32_t* begin = indices.data() + (head * queries + t) * width;
  std::int64_t size = width;
  while (size > 0 && begin[size - 1] < 0) --size;
  return {begin, static_cast<std::size_t>(size)};
}

Selection::Selection(std::int64_t heads, const ResolvedOptions& options) {
  levels_.resize(static_cast<std::size_t>(options.levels));
  for (int l = options.levels; l >= 1; --l) {
    LevelSelection& lists = level(l);
    lists.heads = heads;
    lists.queries = options.query.length(l);
    std::int64_t most = options.key.length(l);
    // A parent list of `width` tokens has at most `width * B` children; the division avoids an overflow.
    if (l < options.levels && level(l + 1).width <= most / options.block_size)
      most = level(l + 1).width * options.block_size;
    lists.width = std::min(options.k(l), most);
    lists.indices.assign(static_cast<std::size_t>(heads * lists.queries * lists.width), -1);
  }
}

void candidates(const Selection& selection, const ResolvedOptions& options, int level, std::int64_t head,
                std::int64_t t, std::vector<std::int32_t>& out) {
  out.clear();
  const auto append = [&out](TokenRange range) {
    for (std::int64_t c = range.begin; c < range.end; ++c) out.push_back(static_cast<std::int32_t>(c));
  };
  if (level == options.levels) return append({0, options.key.length(level)});
  for (const std::int32_t parent : selection.list(level + 1, head, t / options.block_size))
    append(options.key.children(level + 1, parent));
}

void validate(const Selection& selection, const ResolvedOptions& options, std::int64_t heads) {
  if (selection.levels() != options.levels)
    throw Error("selection has " + std::to_string(selection.levels()) + " levels; the options ask for " +
                std::to_string(options.levels));
  std::vector<std::int32_t> allowed;
  for (int l = options.levels; l >= 1; --l) {
    const LevelSelection& lists = selection.level(l);
    if (lists.heads != heads || lists.queries != options.query.length(l) || lists.width < 1 ||
        lists.indices.size() != static_cast<std::size_t>(heads * lists.queries * lists.width))
      throw Error("selection of level " + std::to_string(l) + " is [" + std::to_string(lists.heads) + ", " +
                  std::to_string(lists.queries) + ", " + std::to_string(lists.width) + "]; it must be [" +
                  std::to_string(heads) + ", " + std::to_string(options.query.length(l)) + ", 1 or more]");
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t t = 0; t < lists.queries; ++t) check_row(selection, options, l, head, t, allowed);
  }
}

}  // namespace llsa
