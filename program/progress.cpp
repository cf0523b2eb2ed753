#include "program/progress.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace llsa::program {
namespace {
constexpr const char* wipe_line = "\r\x1b[K";
}

Progress::Progress(std::string label, std::int64_t total)
    : label_(std::move(label)), total_(total), shown_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (shown_) std::fputs(wipe_line, stderr);
}

void Progress::step(std::string_view what) {
  ++done_;
  if (!shown_) return;
  fmt::print(stderr, "{}{}", wipe_line, label_);
  if (total_ > 0) fmt::print(stderr, " {}/{}", done_, total_);
  if (!what.empty()) fmt::print(stderr, ": {}", what);
  std::fflush(stderr);
}

}  // namespace llsa::program
