#pragma once

#include <memory>
#include <span>
#include <vector>

#include "llsa/selection.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

/// Who drives the key-major part of the backward: the transposed selection (spec section 5), or the dense block mask
/// that the paper compares it with (spec section 8). Results are the same bit for bit.
enum class KeyMajor { transposed_lists, dense_mask };

/// The query tokens that selected a key token, for one level and every head. Their order is ascending.
class KeyQueries {
 public:
  virtual ~KeyQueries() = default;
  virtual std::int64_t count(std::int64_t head, std::int64_t key) const = 0;
  /// Number `range.begin` up to `range.end` of them; valid until `scratch` changes.
  virtual std::span<const std::int32_t> queries(std::int64_t head, std::int64_t key, TokenRange range,
                                                std::vector<std::int32_t>& scratch) const = 0;
};

/// `keys` is `T_l` of the key hierarchy. `dense_mask` throws `Error` where its `[heads, T_l, T_l]` bytes cannot be had.
std::unique_ptr<KeyQueries> key_queries(KeyMajor how, const LevelSelection& lists, std::int64_t keys,
                                        ThreadPool& threads);

}  // namespace llsa::reference
