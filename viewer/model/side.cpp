#include "viewer/model/side.hpp"

#include <algorithm>

namespace llsa::viewer {

void clamp_to(const Document& document, Settings& settings) {
  settings.set = std::clamp(settings.set, 0, static_cast<int>(document.sets.size()) - 1);
  const Shape& shape = document.shape(settings.set);
  settings.batch = std::clamp<std::int64_t>(settings.batch, 0, shape.batch - 1);
  settings.head = std::clamp<std::int64_t>(settings.head, 0, shape.heads - 1);
}

Side::Side(int threads, std::function<void()> wake) : head_lane_(threads, wake), query_lane_(1, wake) {}

void Side::refresh(const std::shared_ptr<const Document>& document) {
  if (!document || (document == document_ && same(settings, requested_))) return;
  if (document != document_) {
    result_ = {};
    query_ = nullptr;
    wanted_head_ = nullptr;
    query_lane_.cancel();
    ++revision_;
  }
  document_ = document;
  start();
}

void Side::request_exact_error() {
  if (!result_.outputs || head_lane_.busy()) return;
  head_lane_.start(
      [this, selection = result_.selection, outputs = result_.outputs](const Background::Job& job) {
        auto error = std::make_shared<const HeadError>(measure_every_query(job, *selection, *outputs));
        job.publish([this, error] {
          result_.error = error;
          ++revision_;
        });
      },
      [this](const std::string& message) { problem = message; });
}

void Side::cancel() {
  head_lane_.cancel();
  query_lane_.cancel();
}

void Side::start() {
  requested_ = settings;
  problem.clear();
  head_lane_.start(
      [this, document = document_, wanted = settings](const Background::Job& job) {
        analyse(job, document, wanted, [this, &job](HeadResult result) {
          job.publish([this, result = std::move(result)] {
            result_ = result;
            ++revision_;
          });
        });
      },
      [this](const std::string& message) { problem = message; });
}

bool Side::update(std::int64_t query_cell) {
  const std::uint64_t before = revision_;
  bool changed = head_lane_.deliver();
  changed |= query_lane_.deliver();
  const auto& head = result_.selection;
  if (!head || query_cell < 0 || query_cell >= head->head->query_order.size()) return changed;
  const std::int64_t position = head->head->query_position(query_cell);
  if (head.get() != wanted_head_ || position != wanted_position_) {
    wanted_head_ = head.get();
    wanted_position_ = position;
    if (head->head->key.shape().tokens <= immediate_keys) {
      query_lane_.cancel();
      query_ = std::make_shared<const QueryView>(view_query(head, position));
      ++revision_;
    } else {
      query_lane_.start(
          [this, head, position](const Background::Job& job) {
            job.progress("query");
            auto view = std::make_shared<const QueryView>(view_query(head, position));
            job.publish([this, view] {
              query_ = view;
              ++revision_;
            });
          },
          [this](const std::string& message) { problem = message; });
    }
  }
  return changed || revision_ != before;
}

JobStatus Side::progress() const {
  const JobStatus head = head_lane_.progress();
  return head.busy ? head : query_lane_.progress();
}

}  // namespace llsa::viewer
