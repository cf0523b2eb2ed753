#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "viewer/model/background.hpp"
#include "viewer/model/document.hpp"
#include "viewer/model/settings.hpp"

namespace llsa::viewer {

struct HeadSelection;

/// What an overview shows of every head.
enum class OverviewValue { weights, error, mass, entropy, agreement };
std::string_view name_of(OverviewValue value);
/// Throws `Error` that lists the names.
OverviewValue overview_value_from(std::string_view name);

/// One head of one set, for one query.
struct OverviewEntry {
  int set = 0;
  std::int64_t head = 0;
  std::vector<float> weights;  ///< of the query, by cell of the key grid, as `QueryView::llsa`
  double error = 0;            ///< |O - O_dense| / |O_dense|
  double mass = 0;             ///< dense attention's probability of the fine keys that are touched
  double entropy = 0;          ///< of `weights`, in bits
  double agreement = 0;        ///< sum of the smaller of both weights: 1 when they are the same

  /// Of all but `weights`.
  double number(OverviewValue value) const;
};

/// Every head of every set (a layer and step of a capture) for the current query, computed in the background. Functions
/// return at once; entries arrive one by one.
class Overview {
 public:
  explicit Overview(int threads, std::function<void()> wake) : lane_(threads, std::move(wake)) {}

  /// Says that somebody looks at it, until the next `refresh`.
  void want() { wanted_ = true; }
  /// Starts computing what is wanted and not there: for a document, the batch entry and attention of `settings`, and a
  /// query. A new query keeps the selections.
  void refresh(const std::shared_ptr<const Document>& document, const Settings& settings, std::int64_t query_cell);
  /// Takes in results; true when there were any.
  bool update() { return lane_.deliver(); }
  void cancel() { lane_.cancel(); }
  JobStatus progress() const { return lane_.progress(); }

  int sets() const { return document_ ? static_cast<int>(document_->sets.size()) : 0; }
  /// The most heads that a set has.
  std::int64_t heads() const;
  /// Null before it is computed, and where the set has no such head.
  const OverviewEntry* entry(int set, std::int64_t head) const;
  /// Counts what arrived: for caches of what is drawn.
  std::uint64_t revision() const { return revision_; }
  const std::string& problem() const { return problem_; }

 private:
  /// Selections by set and head, filled by the lane's jobs one after the other.
  struct Selections {
    std::vector<std::vector<std::shared_ptr<const HeadSelection>>> of;
  };

  bool wanted_ = false;
  std::shared_ptr<const Document> document_;
  Settings settings_;
  std::int64_t query_cell_ = -1;
  std::shared_ptr<Selections> selections_;
  std::vector<std::vector<std::shared_ptr<const OverviewEntry>>> entries_;
  std::uint64_t revision_ = 0;
  std::string problem_;
  Background lane_;
};

}  // namespace llsa::viewer
