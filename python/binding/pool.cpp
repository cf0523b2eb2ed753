#include "pool.hpp"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <mutex>
#include <string>
#include <thread>

#include "llsa/error.hpp"

namespace pyllsa {
namespace {

struct Shared {
  std::mutex mutex;
  std::shared_ptr<ThreadPool> pool;
  int threads = 0;
};
Shared* shared = new Shared;  // never destroyed: calls may run while the interpreter ends

/// The cores this process may run on, which can be fewer than the machine has.
int usable_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = CPU_COUNT(&set);
#endif
  return std::clamp(cores, 1, 1024);
}

}  // namespace

std::shared_ptr<ThreadPool> shared_pool() {
  const std::lock_guard lock(shared->mutex);
  if (!shared->pool) shared->pool = std::make_shared<ThreadPool>(shared->threads ? shared->threads : usable_cores());
  return shared->pool;
}

int pool_threads() {
  const std::lock_guard lock(shared->mutex);
  return shared->threads ? shared->threads : usable_cores();
}

void set_pool_threads(int threads) {
  if (threads < 1 || threads > 1024)
    throw llsa::Error("threads is " + std::to_string(threads) + "; it must be 1 to 1024");
  const std::lock_guard lock(shared->mutex);
  if (threads == shared->threads) return;
  shared->threads = threads;
  shared->pool = nullptr;
}

void forget_pool() {
  auto* fresh = new Shared;
  fresh->threads = shared->threads;
  shared = fresh;
}

}  // namespace pyllsa
