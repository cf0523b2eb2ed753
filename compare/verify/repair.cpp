#include "compare/verify/repair.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace llsa::compare::verify {
namespace {

/// Moves the good tokens of a row to its front; returns what is wrong with the first bad one.
std::string mend(std::span<std::int32_t> row, const std::vector<std::int32_t>& allowed, std::int64_t tokens) {
  std::string error;
  const auto note = [&error](std::string what) {
    if (error.empty()) error = std::move(what);
  };
  std::size_t kept = 0;
  bool ended = false;
  for (const std::int32_t token : std::vector<std::int32_t>(row.begin(), row.end())) {
    const auto front = row.first(kept);
    if (token == -1) {
      ended = true;
    } else if (std::find(allowed.begin(), allowed.end(), token) == allowed.end()) {
      note(fmt::format("index {} is not a candidate (0 to {}, below a key token that the parent selected)", token,
                       tokens - 1));
    } else if (std::find(front.begin(), front.end(), token) != front.end()) {
      note(fmt::format("index {} is listed twice", token));
    } else {
      if (ended) note(fmt::format("index {} follows -1, which ends a list", token));
      row[kept++] = token;
    }
  }
  std::fill(row.begin() + static_cast<std::ptrdiff_t>(kept), row.end(), -1);
  if (kept == 0) {
    note("the list is empty; at least one key token must be selected");
    row[0] = allowed.front();
  }
  return error;
}

}  // namespace

bool Repaired::repaired() const {
  return std::any_of(errors.begin(), errors.end(), [](const std::string& e) { return !e.empty(); });
}

Repaired repaired(const Selection& lists, const std::vector<bool>& given, const LevelMeans& means,
                  const ResolvedOptions& options) {
  Repaired result{lists, std::vector<std::string>(static_cast<std::size_t>(options.levels) + 1)};
  std::vector<std::int32_t> allowed;
  for (int l = options.levels; l >= 1; --l) {
    LevelSelection& level = result.lists.level(l);
    std::string first;
    std::int64_t bad = 0;
    for (std::int64_t head = 0; head < level.heads; ++head)
      for (std::int64_t t = 0; t < level.queries; ++t) {
        candidates(result.lists, options, l, head, t, allowed);
        if (!given[static_cast<std::size_t>(l)]) {
          const auto list =
              near_tied_lists(scored_candidates(options, means, head, l, t, allowed).tokens, options.k(l), 0, 1);
          std::ranges::copy(list.lists.front(), level.row(head, t).begin());
          continue;
        }
        const std::string error = mend(level.row(head, t), allowed, options.key.length(l));
        if (error.empty()) continue;
        if (bad++ == 0) first = fmt::format("selection of level {}, head {}, query token {}: {}", l, head, t, error);
      }
    if (bad > 1) first += fmt::format(" ({} of {} lists are no lists of candidates)", bad, level.heads * level.queries);
    result.errors[static_cast<std::size_t>(l)] = std::move(first);
  }
  return result;
}

}  // namespace llsa::compare::verify
