#pragma once

#include <functional>
#include <memory>
#include <string>

#include "viewer/model/background.hpp"
#include "viewer/model/head_result.hpp"
#include "viewer/model/query_view.hpp"

namespace llsa::viewer {

/// Indices that the document has, so that a session or another file's settings never ask for a head that is not there.
void clamp_to(const Document& document, Settings& settings);

/// One side of a comparison: its settings, the head computed for them in the background, and the current query's view.
/// When new settings cannot be used, `problem` says why and the last good result stays.
class Side {
 public:
  explicit Side(int threads, std::function<void()> wake);

  Settings settings;    ///< what is wanted; edit, then `refresh`
  std::string problem;  ///< why the last computation failed; empty when it did not

  /// Starts computing when document or settings differ from what is computed or under way.
  void refresh(const std::shared_ptr<const Document>& document);
  /// Compares every query of the head, not a sample. Long on large inputs. What is there stays until that is done, also
  /// when it is cancelled. Nothing happens before there are outputs.
  void request_exact_error();
  void cancel();
  /// Takes in results; then brings the query's view up to date, at once for up to `immediate_keys` keys and in the
  /// background beyond. Returns whether something changed.
  bool update(std::int64_t query_cell);

  const HeadResult& result() const { return result_; }
  /// Null before the first result. Its query may lag behind the wanted one while `busy`.
  const std::shared_ptr<const QueryView>& query() const { return query_; }
  /// Counts changes of `result` or `query`: for caches of what is drawn.
  std::uint64_t revision() const { return revision_; }
  JobStatus progress() const;
  bool busy() const { return head_lane_.busy() || query_lane_.busy(); }

  static constexpr std::int64_t immediate_keys = 131072;

 private:
  void start();

  std::shared_ptr<const Document> document_;
  Settings requested_;
  HeadResult result_;
  std::shared_ptr<const QueryView> query_;
  const HeadSelection* wanted_head_ = nullptr;
  std::int64_t wanted_position_ = -1;
  std::uint64_t revision_ = 0;
  Background head_lane_, query_lane_;
};

}  // namespace llsa::viewer
