#pragma once

#include <stdexcept>
#include <string>

namespace llsa {

/// The one exception type of the project. Thrown at boundaries (options, shapes, files); the message is one line that
/// says what was wrong, the offending value and what is allowed. Programs print it on stderr and exit non-zero.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Thrown out of long work that a caller asked to stop (see `ThreadPool`). Not a failure: nothing was wrong.
class Cancelled : public Error {
 public:
  Cancelled() : Error("cancelled") {}
};

}  // namespace llsa
