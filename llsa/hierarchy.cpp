#include "llsa/hierarchy.hpp"

#include <algorithm>
#include <string>

#include "llsa/error.hpp"

namespace llsa {

Hierarchy::Hierarchy(std::int64_t tokens, std::int64_t block_size, int levels) : block_size_(block_size) {
  if (tokens < 1) throw Error("tokens is " + std::to_string(tokens) + "; it must be at least 1");
  if (block_size < 2) throw Error("block_size is " + std::to_string(block_size) + "; it must be at least 2");
  if (levels < 0) throw Error("levels is " + std::to_string(levels) + "; it must be at least 0");
  lengths_ = {tokens};
  spans_ = {1};
  for (int level = 1; level <= levels; ++level) {
    const std::int64_t below = lengths_.back();
    lengths_.push_back(below / block_size + (below % block_size != 0));
    // Once one token stands for everything a larger span changes nothing, and B^l could overflow.
    spans_.push_back(spans_.back() >= tokens               ? spans_.back()
                     : spans_.back() > tokens / block_size ? std::max(tokens, spans_.back())
                                                           : spans_.back() * block_size);
  }
}

TokenRange Hierarchy::fine(int level, std::int64_t t) const {
  const std::int64_t begin = t * span(level);
  return {begin, begin + std::min(span(level), tokens() - begin)};
}

TokenRange Hierarchy::children(int level, std::int64_t t) const {
  const std::int64_t below = length(level - 1);
  const std::int64_t begin = t * block_size_;
  return {begin, begin + std::min(block_size_, below - begin)};
}

int automatic_levels(std::int64_t key_tokens, std::int64_t block_size) {
  if (block_size < 2) throw Error("block_size is " + std::to_string(block_size) + "; it must be at least 2");
  constexpr std::int64_t fewest_coarse_tokens = 64;
  int levels = 0;
  for (std::int64_t length = key_tokens;; ++levels) {
    length = length / block_size + (length % block_size != 0);
    if (length < fewest_coarse_tokens) return levels;
  }
}

}  // namespace llsa
