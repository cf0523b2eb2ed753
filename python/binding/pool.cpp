#include "pool.hpp"

#include <sched.h>

#include <mutex>
#include <string>

#include "llsa/error.hpp"

namespace pyllsa {
namespace {

struct Shared {
  std::mutex mutex;
  std::shared_ptr<ThreadPool> pool;
  int threads = 0;
};
Shared* shared = new Shared;  // never destroyed: calls may run while the interpreter ends

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set) < 1 ? 1 : CPU_COUNT(&set) > 1024 ? 1024 : CPU_COUNT(&set);
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
