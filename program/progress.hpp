#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llsa::program {

/// One line on stderr that is rewritten while long work goes on, and wiped at the end. Silent unless stderr is a
/// terminal.
class Progress {
 public:
  /// `label` says what is done, `total` how many steps there are (0: unknown).
  explicit Progress(std::string label, std::int64_t total = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// The next step begins; `what` names it.
  void step(std::string_view what = {});

 private:
  std::string label_;
  std::int64_t total_, done_ = 0;
  bool shown_;
};

}  // namespace llsa::program
