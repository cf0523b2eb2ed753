#include "program/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "program/program.hpp"

namespace llsa::program {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  // nohup means it: who has asked that a lost terminal be ignored is not stopped by one.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::thread([this, set] {
    for (int signal = 0; !done_;) {
      if (sigwait(&set, &signal) != 0 || done_) continue;
      if (source_.stop_requested()) _exit(exit_interrupted);
      source_.request_stop();
    }
  });
}

Interrupt::~Interrupt() {
  done_ = true;
  pthread_kill(waiter_.native_handle(), SIGTERM);  // blocked everywhere: it only wakes the waiting thread
  waiter_.join();
}

}  // namespace llsa::program
