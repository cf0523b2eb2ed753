#include "viewer/model/history.hpp"

#include <utility>

namespace llsa::viewer {

void History::note(const nlohmann::json& now, double seconds, bool held) {
  constexpr double one_step = 0.5;
  if (!now_) {
    now_ = now;
    return;
  }
  if (changed_ && !held && seconds - *changed_ > one_step) changed_.reset();
  if (now == *now_) return;
  if (!changed_) {
    before_.push_back(*now_);
    if (before_.size() > most_steps) before_.erase(before_.begin());
  }
  after_.clear();
  now_ = now;
  changed_ = seconds;
}

std::optional<nlohmann::json> History::step(std::vector<nlohmann::json>& from, std::vector<nlohmann::json>& to) {
  if (from.empty()) return std::nullopt;
  to.push_back(std::exchange(*now_, std::move(from.back())));
  from.pop_back();
  changed_.reset();
  return now_;
}

}  // namespace llsa::viewer
