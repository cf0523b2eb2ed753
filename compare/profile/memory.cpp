#include "compare/profile/memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace llsa::compare::profile {
namespace {

/// A line "VmHWM:   1234 kB" of /proc/self/status, in bytes.
std::optional<std::int64_t> status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1)) * 1024;
  return std::nullopt;
}

}  // namespace

PeakMemory::PeakMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  std::ofstream clear("/proc/self/clear_refs");
  clear << "5" << std::flush;  // sets VmHWM back to VmRSS
  if (clear) before_ = status_bytes("VmRSS");
}

std::optional<std::int64_t> PeakMemory::bytes() const {
  const std::optional<std::int64_t> peak = status_bytes("VmHWM");
  if (!before_ || !peak) return std::nullopt;
  return std::max<std::int64_t>(*peak - *before_, 0);
}

}  // namespace llsa::compare::profile
