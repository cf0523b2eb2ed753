#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace llsa::program {

/// Turns the first SIGINT, SIGTERM or SIGHUP (unless the program was started with that ignored, as nohup does) into a
/// stop request; a second one ends the program at once. The signals are blocked
/// for the whole process and one thread waits for them, so that nothing is cut off in the middle of a write. Make it
/// before any other thread starts.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::atomic<bool> done_ = false;
  std::thread waiter_;
};

}  // namespace llsa::program
