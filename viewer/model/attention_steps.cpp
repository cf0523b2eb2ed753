#include "viewer/model/attention_steps.hpp"

#include <algorithm>
#include <bit>

#include "llsa/method.hpp"

namespace llsa::viewer {
namespace {

Options& options_of(Workspace& work) { return work.shown().settings.how.options; }

bool has_free_levels(const Workspace& work) { return work.shown().settings.how.method.starts_with("llsa"); }

/// Moves one of both sides' settings, `value`, within 0 and `count` - 1. Side B, with a document of its own, follows as
/// far as that goes.
template <class T>
bool step_both(Workspace& work, T Settings::*value, int by, std::int64_t count) {
  if (count < 2) return false;
  const auto to = std::clamp<std::int64_t>(static_cast<std::int64_t>(work.side(0).settings.*value) + by, 0, count - 1);
  for (int side = 0; side < 2; ++side) {
    work.side(side).settings.*value = static_cast<T>(to);
    clamp_to(*work.document_of(side), work.side(side).settings);
  }
  return true;
}

}  // namespace

void choose_levels(Options& options, std::optional<int> levels) {
  options.levels = levels;
  if (options.top_k.size() > 1) {
    if (levels && *levels > 0)
      options.top_k.resize(static_cast<std::size_t>(*levels), options.top_k.back());
    else
      options.top_k = std::vector<std::int64_t>(1, options.top_k.front());
  }
  if (options.enrichment_levels && levels) options.enrichment_levels = std::min(*options.enrichment_levels, *levels);
  if (!levels) options.enrichment_levels.reset();
}

std::int64_t step_block_size(std::int64_t block_size, bool up) {
  const auto size = static_cast<std::uint64_t>(std::clamp<std::int64_t>(block_size, 2, largest_block_size));
  const std::uint64_t next = up ? std::bit_floor(size) * 2 : std::bit_ceil(size) / 2;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(next), 2, largest_block_size);
}

bool step_head(Workspace& work, int by) {
  if (!work.document()) return false;
  return step_both(work, &Settings::head, by, work.document()->shape(work.side(0).settings.set).heads);
}

bool step_set(Workspace& work, int by) {
  if (!work.document()) return false;
  return step_both(work, &Settings::set, by, static_cast<std::int64_t>(work.document()->sets.size()));
}

bool step_block_size(Workspace& work, bool up) {
  if (work.shown().settings.how.method == "full") return false;
  options_of(work).block_size = step_block_size(options_of(work).block_size, up);
  return true;
}

bool step_top_k(Workspace& work, int by) {
  if (work.shown().settings.how.method == "full") return false;
  for (std::int64_t& k : options_of(work).top_k) k = std::clamp<std::int64_t>(k + by, 1, largest_top_k);
  return true;
}

bool step_levels(Workspace& work, int by) {
  if (!has_free_levels(work)) return false;
  Options& options = options_of(work);
  const auto& head = work.shown().result().selection;
  const int now = options.levels ? *options.levels : head ? head->levels() : 0;
  choose_levels(options, std::clamp(now + by, 0, most_levels_offered));
  return true;
}

bool step_method(Workspace& work, int by) {
  const std::vector<std::string> names = method_names();
  std::string& method = work.shown().settings.how.method;
  const auto count = static_cast<std::ptrdiff_t>(names.size());
  const std::ptrdiff_t at = std::ranges::find(names, method) - names.begin();
  method = names[static_cast<std::size_t>(((at + by) % count + count) % count)];
  return true;
}

}  // namespace llsa::viewer
