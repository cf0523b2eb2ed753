#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

namespace llsa {

/// A fixed set of threads for independent work. The caller takes part, so `ThreadPool(1)` starts no thread.
/// Calls from several threads at once are served one after the other; nested calls from inside an item are not allowed.
class ThreadPool {
 public:
  /// `threads == 0` takes every core. Throws `Error` for a negative number or more than 1024.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  /// Calls `work(item, worker)` once for every item of `[0, items)`, in any order, `worker < threads()` naming the
  /// thread (for scratch memory). Returns when all are done. The first exception stops the rest and is thrown here.
  void parallel_for(std::int64_t items, const std::function<void(std::int64_t item, int worker)>& work);

  /// From now on `parallel_for` throws `Cancelled` between items once a stop is requested.
  void set_stop_token(std::stop_token token);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace llsa
