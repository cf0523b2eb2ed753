#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "llsa/thread_pool.hpp"

namespace llsa::viewer {

/// What a background job is doing, for a progress bar.
struct JobStatus {
  bool busy = false;
  std::string stage;
  double fraction = 0;  ///< of the stage, in [0, 1]
};

/// One lane of long work beside the window's thread: the newest job replaces the one that runs (which is asked to
/// stop). A job hands over results as functions that `deliver` runs on the window's thread; those of replaced or
/// cancelled jobs are dropped, so what is delivered always belongs to the newest job.
class Background {
 public:
  /// What a job sees of its lane.
  class Job {
   public:
    std::stop_token stop() const { return stop_; }
    /// Throws `Cancelled` once the job was replaced or cancelled.
    void check() const;
    void progress(std::string stage, double fraction = 0) const;
    /// Runs `on_window_thread` at the next `deliver`.
    void publish(std::function<void()> on_window_thread) const;
    /// The lane's threads; their `parallel_for` throws `Cancelled` when the job is to stop.
    ThreadPool& threads() const { return lane_->threads_; }

   private:
    friend class Background;
    Job(Background& lane, std::uint64_t number, std::stop_token stop)
        : lane_(&lane), number_(number), stop_(std::move(stop)) {}
    Background* lane_;
    std::uint64_t number_;
    std::stop_token stop_;
  };

  using Work = std::function<void(const Job&)>;
  using Failed = std::function<void(const std::string& message)>;

  /// `wake` is called from the worker after each publication, to end the window's wait for events.
  explicit Background(int threads = 0, std::function<void()> wake = {});
  ~Background();

  /// Starts `work` as soon as the running job has stopped. An exception other than `Cancelled` goes to `failed` on the
  /// window's thread.
  void start(Work work, Failed failed);
  /// Stops the running job and drops the waiting one.
  void cancel();
  /// Runs what was published since the last call; returns whether anything was.
  bool deliver();
  JobStatus progress() const;
  bool busy() const { return progress().busy; }

 private:
  struct Task {
    Work work;
    Failed failed;
    std::stop_source stop;
    std::uint64_t number = 0;
  };
  void loop(std::stop_token quit);

  ThreadPool threads_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Task> waiting_;
  std::stop_source running_{std::nostopstate};
  std::uint64_t newest_ = 0;
  JobStatus progress_;
  std::vector<std::function<void()>> inbox_;
  std::jthread worker_;  // last: started when everything else exists, joined first
};

}  // namespace llsa::viewer
