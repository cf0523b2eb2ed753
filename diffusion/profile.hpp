#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace llsa::diffusion {

/// Wall time and floating-point operations by operation name.
class Profile {
 public:
  struct Entry {
    std::int64_t calls = 0;
    double seconds = 0;
    double flops = 0;  ///< multiplications and additions of matrix products; 0 where they are not counted
  };

  void add(const std::string& name, double seconds, double flops) {
    Entry& entry = entries_[name];
    ++entry.calls;
    entry.seconds += seconds;
    entry.flops += flops;
  }
  void clear() { entries_.clear(); }
  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
};

/// Times its own life into a profile; does nothing when that is null.
class ProfileScope {
 public:
  ProfileScope(Profile* profile, const char* name, double flops = 0) : profile_(profile), name_(name), flops_(flops) {
    if (profile_) start_ = std::chrono::steady_clock::now();
  }
  ~ProfileScope() {
    if (profile_) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
      profile_->add(name_, elapsed.count(), flops_);
    }
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  Profile* profile_;
  const char* name_;
  double flops_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace llsa::diffusion
