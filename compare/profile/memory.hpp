#pragma once

#include <cstdint>
#include <optional>

namespace llsa::compare::profile {

/// The most memory that the process held since this object was made, beyond what it held then (resident set; Linux's
/// /proc/self). Freed memory that the allocator kept is given back to the system first, so that it counts when taken
/// again.
class PeakMemory {
 public:
  PeakMemory();
  /// Empty where the system does not tell, or does not allow the peak to be reset.
  std::optional<std::int64_t> bytes() const;

 private:
  std::optional<std::int64_t> before_;
};

}  // namespace llsa::compare::profile
