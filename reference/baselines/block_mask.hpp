#pragma once

#include <cstdint>
#include <vector>

#include "reference/key_queries.hpp"

namespace llsa::reference {

/// The baseline of spec section 8 (for the paper's Fig. 4 only): the selection of one level as a dense boolean mask
/// `[heads, keys, queries]`, one byte each, built from the lists and scanned row by row: **quadratic** in time and
/// memory.
class BlockMask final : public KeyQueries {
 public:
  /// Throws `Error` saying how many bytes were asked for when they cannot be had.
  BlockMask(const LevelSelection& lists, std::int64_t keys, ThreadPool& threads);
  std::int64_t count(std::int64_t head, std::int64_t key) const override;
  std::span<const std::int32_t> queries(std::int64_t head, std::int64_t key, TokenRange range,
                                        std::vector<std::int32_t>& scratch) const override;

 private:
  std::span<const std::uint8_t> row(std::int64_t head, std::int64_t key) const;

  std::int64_t keys_, queries_;
  std::vector<std::uint8_t> mask_;
};

}  // namespace llsa::reference
