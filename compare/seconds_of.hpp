#pragma once

#include <chrono>

namespace llsa::compare {

/// How long `work()` takes, in seconds of a clock that never goes back.
template <class Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace llsa::compare
