#include "cuda/ptx/memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

/// Below this, memory is filled by hand; above it, pages are given back to the system and come back as zeros.
constexpr std::uint64_t small = 1 << 20;

void* reserve(std::uint64_t bytes) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw Error("no address space for the stand-in's device memory");
  return address;
}

void give_back(std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint64_t page = 4096;
  const std::uint64_t first = begin / page * page, last = (end + page - 1) / page * page;
  madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace

DeviceMemory::DeviceMemory() {
  base_ = reinterpret_cast<std::uint64_t>(reserve(capacity));
  shadow_ = static_cast<Shadow*>(reserve(capacity / 4 * sizeof(Shadow)));
  sector_marks_ = static_cast<std::uint32_t*>(reserve(capacity / 32 * sizeof(std::uint32_t)));
  owner_.assign(capacity >> chunk_bits, 0);
  allocations_.resize(1);
  free_[0] = owner_.size();
}

DeviceMemory::~DeviceMemory() {
  munmap(reinterpret_cast<void*>(base_), capacity);
  munmap(shadow_, capacity / 4 * sizeof(Shadow));
  munmap(sector_marks_, capacity / 32 * sizeof(std::uint32_t));
}

std::uint64_t DeviceMemory::allocate(std::uint64_t bytes) {
  if (bytes > capacity) return 0;
  // One chunk more than needed stays empty: what lies just behind an allocation belongs to no other.
  const std::uint64_t chunks = ((lead + bytes - 1) >> chunk_bits) + 2;
  const auto run = std::find_if(free_.begin(), free_.end(), [&](const auto& r) { return r.second >= chunks; });
  if (run == free_.end()) return 0;
  const std::uint64_t first = run->first, count = run->second;
  free_.erase(run);
  if (count > chunks) free_[first + chunks] = count - chunks;
  std::uint32_t index;
  if (unused_.empty())
    index = static_cast<std::uint32_t>(allocations_.size()), allocations_.emplace_back();
  else
    index = unused_.back(), unused_.pop_back();
  std::fill_n(owner_.begin() + static_cast<std::ptrdiff_t>(first), chunks, index);
  const std::uint64_t begin = base_ + (first << chunk_bits) + lead;
  allocations_[index] = {begin, begin + bytes};
  used_ += bytes;
  if (bytes <= small) {
    std::memset(reinterpret_cast<void*>(begin), 0xa5, bytes);
    std::memset(static_cast<void*>(&shadow(begin)), 0, (bytes + 3) / 4 * sizeof(Shadow));
  }
  return begin;
}

bool DeviceMemory::release(std::uint64_t address) {
  const Allocation* found = find(address);
  // An allocation of no bytes holds no address; it is found by its chunk.
  const std::uint64_t chunk = (address - base_) >> chunk_bits;
  if (!found && address >= base_ && chunk < owner_.size() && owner_[chunk]) found = &allocations_[owner_[chunk]];
  if (!found || found->begin != address) return false;
  const std::uint64_t bytes = found->end - found->begin;
  if (bytes > small) {
    give_back(found->begin, found->end);
    const auto begin = reinterpret_cast<std::uint64_t>(&shadow(found->begin));
    give_back(begin, begin + (bytes + 3) / 4 * sizeof(Shadow));
  }
  const std::uint32_t index = owner_[chunk];
  std::uint64_t count = ((lead + bytes - 1) >> chunk_bits) + 2, first = chunk;
  std::fill_n(owner_.begin() + static_cast<std::ptrdiff_t>(first), count, 0u);
  allocations_[index] = {};
  unused_.push_back(index);
  used_ -= bytes;
  auto next = free_.lower_bound(first);
  if (next != free_.end() && next->first == first + count) count += next->second, next = free_.erase(next);
  if (next != free_.begin() && std::prev(next)->first + std::prev(next)->second == first)
    std::prev(next)->second += count;
  else
    free_[first] = count;
  return true;
}

bool DeviceMemory::covers(std::uint64_t address, std::uint64_t bytes) const {
  const Allocation* found = find(address);
  return bytes == 0 || (found && bytes <= found->end - address);
}

void DeviceMemory::written_by_host(std::uint64_t address, std::uint64_t bytes) {
  const std::uint64_t end = address + bytes;
  while (address < end) {
    const std::uint64_t stop = std::min(end, address / 4 * 4 + 4);
    Shadow& s = shadow(address);
    const std::uint32_t mask = ((1u << (stop - address)) - 1) << address % 4;
    s = Shadow{.bits = (s.bits & 15u << Shadow::known_at) | mask << Shadow::known_at};
    address = stop;
  }
}

}  // namespace llsa::ptx
