#include "llsa/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "llsa/error.hpp"

namespace llsa {

struct ThreadPool::State {
  std::mutex callers;  // one parallel_for at a time
  std::mutex mutex;
  std::condition_variable work_ready, work_done;
  const std::function<void(std::int64_t, int)>* work = nullptr;
  std::int64_t items = 0;
  std::atomic<std::int64_t> next{0};
  std::uint64_t generation = 0;
  int busy = 0;
  bool closing = false;
  std::exception_ptr failure;
  std::stop_token stop;
  std::vector<std::thread> threads;

  void run_items(int worker) {
    try {
      for (std::int64_t item = next++; item < items; item = next++) {
        if (stop.stop_requested()) throw Cancelled();
        (*work)(item, worker);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = items;
    }
  }

  void serve(int worker) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex);
    while (true) {
      work_ready.wait(lock, [&] { return closing || generation != seen; });
      if (closing) return;
      seen = generation;
      lock.unlock();
      run_items(worker);
      lock.lock();
      if (--busy == 0) work_done.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 0 || threads > 1024)
    throw Error("threads is " + std::to_string(threads) + "; it must be 0 (every core) to 1024");
  if (threads == 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int worker = 1; worker < threads; ++worker)
    state_->threads.emplace_back([state = state_.get(), worker] { state->serve(worker); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->work_ready.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int ThreadPool::threads() const { return static_cast<int>(state_->threads.size()) + 1; }

void ThreadPool::set_stop_token(std::stop_token token) {
  const std::lock_guard callers(state_->callers);
  state_->stop = std::move(token);
}

void ThreadPool::parallel_for(std::int64_t items, const std::function<void(std::int64_t, int)>& work) {
  State& s = *state_;
  const std::lock_guard callers(s.callers);
  if (items <= 0) return;
  {
    const std::lock_guard lock(s.mutex);
    s.work = &work;
    s.items = items;
    s.next = 0;
    s.failure = nullptr;
    s.busy = static_cast<int>(s.threads.size());
    ++s.generation;
  }
  s.work_ready.notify_all();
  s.run_items(0);
  std::unique_lock lock(s.mutex);
  s.work_done.wait(lock, [&] { return s.busy == 0; });
  if (s.failure) std::rethrow_exception(s.failure);
}

}  // namespace llsa
