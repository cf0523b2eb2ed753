#include "cuda/ptx/cache.hpp"

#include <algorithm>

namespace llsa::ptx {

Cache::Cache(std::size_t bytes) : sets_(std::max<std::uint64_t>(1, bytes / (128 * ways))), lines_(sets_ * ways) {}

void Cache::clear() {
  std::fill(lines_.begin(), lines_.end(), Line{});
  time_ = 0;
}

bool Cache::touch(std::uint64_t address) {
  const std::uint64_t line = address / 128, tag = line + 1;
  const std::uint32_t sector = 1u << (address / 32 % 4);
  Line* const set = lines_.data() + line % sets_ * ways;
  ++time_;
  Line* victim = set;
  for (Line* l = set; l != set + ways; ++l) {
    if (l->tag == tag) {
      const bool hit = (l->sectors & sector) != 0;
      l->sectors |= sector;
      l->used = time_;
      return hit;
    }
    if (l->used < victim->used) victim = l;
  }
  *victim = {tag, time_, sector};
  return false;
}

}  // namespace llsa::ptx
