#pragma once

#include <memory>

#include "llsa/thread_pool.hpp"

namespace pyllsa {

using ThreadPool = llsa::ThreadPool;

/// The threads that all calls share, started at the first call. A call holds them until it returns.
std::shared_ptr<ThreadPool> shared_pool();

/// How many threads calls use; a change holds from the next call on. Throws `llsa::Error` unless it is 1 to 1024.
int pool_threads();
void set_pool_threads(int threads);

/// For a child after `fork()`, where no thread of the pool lives: the next call starts new ones. What the parent had is
/// given up, not closed: its locks may be held by threads that do not exist here.
void forget_pool();

}  // namespace pyllsa
