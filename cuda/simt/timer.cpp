#include "cuda/timer.hpp"

#include <chrono>

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

using Clock = std::chrono::steady_clock;
Clock::time_point& point(void* handle) { return *static_cast<Clock::time_point*>(handle); }

}  // namespace

Timer::Timer(Stream stream) : stream_(stream), begin_(new Clock::time_point) {}
Timer::~Timer() { delete static_cast<Clock::time_point*>(begin_); }
void Timer::start() { point(begin_) = Clock::now(); }
double Timer::stop() { return std::chrono::duration<double>(Clock::now() - point(begin_)).count(); }

}  // namespace llsa::cuda::inline LLSA_WORLD
