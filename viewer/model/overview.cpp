#include "viewer/model/overview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "viewer/model/query_view.hpp"

namespace llsa::viewer {
namespace {

constexpr std::array<std::string_view, 5> names{"weights", "error", "mass", "entropy", "agreement"};

double entropy_in_bits(const std::vector<float>& probabilities) {
  double entropy = 0;
  for (const float p : probabilities)
    if (p > 0) entropy -= static_cast<double>(p) * std::log2(static_cast<double>(p));
  return entropy;
}

OverviewEntry entry_of(int set, std::int64_t head, const QueryView& query) {
  return {.set = set,
          .head = head,
          .weights = query.llsa,
          .error = query.output_error,
          .mass = query.mass_held,
          .entropy = entropy_in_bits(query.llsa),
          .agreement = query.shared_mass};
}

/// What selections depend on; which set and head is shown does not matter.
bool same_selections(const Settings& a, const Settings& b) { return a.batch == b.batch && same(a.how, b.how); }

}  // namespace

std::string_view name_of(OverviewValue value) { return names[static_cast<std::size_t>(value)]; }

OverviewValue overview_value_from(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<OverviewValue>(i);
  throw Error(fmt::format("overview is '{}'; it must be weights, error, mass, entropy or agreement", name));
}

double OverviewEntry::number(OverviewValue value) const {
  switch (value) {
    case OverviewValue::error:
      return error;
    case OverviewValue::mass:
      return mass;
    case OverviewValue::entropy:
      return entropy;
    default:
      return agreement;
  }
}

void Overview::refresh(const std::shared_ptr<const Document>& document, const Settings& settings,
                       std::int64_t query_cell) {
  if (!wanted_ || !document || query_cell < 0) return;
  wanted_ = false;
  const bool other = document != document_ || !same_selections(settings, settings_);
  if (!other && query_cell == query_cell_) return;
  document_ = document;
  settings_ = settings;
  query_cell_ = query_cell;
  problem_.clear();
  if (other) {
    selections_ = std::make_shared<Selections>();
    entries_.clear();
    for (const QkvSet& set : document->sets) {
      selections_->of.emplace_back(static_cast<std::size_t>(set.query.shape().heads));
      entries_.emplace_back(static_cast<std::size_t>(set.query.shape().heads));
    }
    ++revision_;
  }
  lane_.start(
      [this, document, settings, query_cell, selections = selections_](const Background::Job& job) {
        std::int64_t done = 0, all = 0;
        for (const auto& heads : selections->of) all += std::ssize(heads);
        for (int set = 0; set < static_cast<int>(selections->of.size()); ++set) {
          auto& heads = selections->of[static_cast<std::size_t>(set)];
          for (std::size_t head = 0; head < heads.size(); ++head) {
            job.progress("overview", static_cast<double>(done++) / static_cast<double>(all));
            job.check();
            const std::int64_t batch =
                std::min(settings.batch, document->sets[static_cast<std::size_t>(set)].query.shape().batch - 1);
            if (!heads[head])
              heads[head] = std::make_shared<const HeadSelection>(
                  select_head(std::make_shared<const Head>(take_head(
                                  *document, set, batch, static_cast<std::int64_t>(head), settings.how.order)),
                              settings, job.threads()));
            const QueryView query = view_query(heads[head], heads[head]->head->query_position(query_cell));
            auto entry = std::make_shared<const OverviewEntry>(entry_of(set, static_cast<std::int64_t>(head), query));
            job.publish([this, entry] {
              entries_[static_cast<std::size_t>(entry->set)][static_cast<std::size_t>(entry->head)] = entry;
              ++revision_;
            });
          }
        }
      },
      [this](const std::string& message) { problem_ = message; });
}

std::int64_t Overview::heads() const {
  std::size_t most = 0;
  for (const auto& heads : entries_) most = std::max(most, heads.size());
  return static_cast<std::int64_t>(most);
}

const OverviewEntry* Overview::entry(int set, std::int64_t head) const {
  if (set < 0 || set >= static_cast<int>(entries_.size())) return nullptr;
  const auto& heads = entries_[static_cast<std::size_t>(set)];
  return head >= 0 && head < std::ssize(heads) ? heads[static_cast<std::size_t>(head)].get() : nullptr;
}

}  // namespace llsa::viewer
