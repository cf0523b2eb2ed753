#include "viewer/model/background.hpp"

#include <utility>

#include "llsa/error.hpp"

namespace llsa::viewer {

void Background::Job::check() const {
  if (stop_.stop_requested()) throw Cancelled();
}

void Background::Job::progress(std::string stage, double fraction) const {
  const std::lock_guard lock(lane_->mutex_);
  if (number_ != lane_->newest_) return;
  lane_->progress_ = {true, std::move(stage), fraction};
}

void Background::Job::publish(std::function<void()> on_window_thread) const {
  {
    const std::lock_guard lock(lane_->mutex_);
    if (number_ != lane_->newest_) return;
    lane_->inbox_.push_back(std::move(on_window_thread));
  }
  if (lane_->wake_) lane_->wake_();
}

Background::Background(int threads, std::function<void()> wake)
    : threads_(threads), wake_(std::move(wake)), worker_([this](std::stop_token quit) { loop(quit); }) {}

Background::~Background() {
  cancel();
  worker_.request_stop();
}

void Background::start(Work work, Failed failed) {
  {
    const std::lock_guard lock(mutex_);
    running_.request_stop();
    inbox_.clear();
    waiting_ = Task{std::move(work), std::move(failed), std::stop_source(), ++newest_};
    progress_ = {true, "waiting", 0};
  }
  changed_.notify_one();
}

void Background::cancel() {
  const std::lock_guard lock(mutex_);
  running_.request_stop();
  waiting_.reset();
  inbox_.clear();
  ++newest_;
  progress_ = {};
}

bool Background::deliver() {
  std::vector<std::function<void()>> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(inbox_);
  }
  for (const auto& each : arrived) each();
  return !arrived.empty();
}

JobStatus Background::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

void Background::loop(std::stop_token quit) {
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, quit, [this] { return waiting_.has_value(); })) return;
      task = std::move(*waiting_);
      waiting_.reset();
      running_ = task.stop;
    }
    const Job job(*this, task.number, task.stop.get_token());
    try {
      threads_.set_stop_token(job.stop());
      task.work(job);
    } catch (const Cancelled&) {
      // Whoever asked for it knows.
    } catch (const std::exception& error) {
      job.publish([failed = task.failed, message = std::string(error.what())] { failed(message); });
    }
    {
      const std::lock_guard lock(mutex_);
      if (task.number == newest_) progress_ = {};
    }
    if (wake_) wake_();
  }
}

}  // namespace llsa::viewer
