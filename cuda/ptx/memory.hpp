#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "cuda/ptx/shadow.hpp"

namespace llsa::ptx {

struct Allocation {
  std::uint64_t begin = 0, end = 0;  ///< exact, end excluded
};

/// The global memory of the stand-in's device: a piece of address space of its own, with a shadow beside it. Device
/// addresses are host addresses, so that copies are plain; but programs cannot know, as in `check`ed kernels every
/// access must lie within one allocation. Nothing costs memory until it is touched. Single-threaded.
class DeviceMemory {
 public:
  DeviceMemory();
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  static constexpr std::uint64_t capacity = std::uint64_t{16} << 30;

  /// 256-byte aligned; 0 when there is no room. Contents are never-written garbage.
  std::uint64_t allocate(std::uint64_t bytes);
  /// False when no allocation begins there.
  bool release(std::uint64_t address);
  /// The allocation that an address lies in, or null.
  const Allocation* find(std::uint64_t address) const {
    const std::uint64_t chunk = (address - base_) >> chunk_bits;
    return address >= base_ && chunk < owner_.size() && owner_[chunk] ? inside(owner_[chunk], address) : nullptr;
  }
  /// Whether [address, address + bytes) lies in one allocation.
  bool covers(std::uint64_t address, std::uint64_t bytes) const;
  std::uint64_t used() const { return used_; }

  /// The host, or a copy within the device, wrote these bytes.
  void written_by_host(std::uint64_t address, std::uint64_t bytes);

  Shadow& shadow(std::uint64_t address) { return shadow_[(address - base_) >> 2]; }
  /// A number for each 32-byte sector, zero at first.
  std::uint32_t& sector_mark(std::uint64_t address) { return sector_marks_[(address - base_) >> 5]; }

 private:
  static constexpr std::uint64_t chunk_bits = 16, lead = 512;
  const Allocation* inside(std::uint32_t owner, std::uint64_t address) const {
    const Allocation& found = allocations_[owner];
    return address >= found.begin && address < found.end ? &found : nullptr;
  }

  std::uint64_t base_ = 0, used_ = 0;
  Shadow* shadow_ = nullptr;
  std::uint32_t* sector_marks_ = nullptr;
  std::vector<std::uint32_t> owner_;  ///< of each chunk: index into allocations_, 0 for none
  std::vector<Allocation> allocations_;
  std::vector<std::uint32_t> unused_;            ///< free indices
  std::map<std::uint64_t, std::uint64_t> free_;  ///< runs of free chunks: first, count
};

}  // namespace llsa::ptx
