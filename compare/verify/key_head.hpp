#pragma once

#include <cstdint>

#include "llsa/tensor.hpp"

namespace llsa::compare::verify {

/// The head of K and V, of batch * their heads, that head number `head` of Q reads: consecutive query heads share one.
inline std::int64_t key_head(const Shape& query, const Shape& key, std::int64_t head) {
  return head / query.heads * key.heads + head % query.heads / (query.heads / key.heads);
}

}  // namespace llsa::compare::verify
