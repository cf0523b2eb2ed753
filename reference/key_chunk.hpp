#pragma once

#include <algorithm>
#include <vector>

#include "reference/key_runs.hpp"
#include "reference/tile_rows.hpp"

namespace llsa::reference {

/// Keys, values and log2 weights gathered from runs, up to `capacity` at a time: what a tile of queries walks over.
template <class T>
class KeyChunk {
 public:
  using C = Accumulate<T>;
  static constexpr std::int64_t capacity = 128;

  KeyChunk(const ResolvedOptions& options, std::int64_t dim, std::int64_t value_dim)
      : log_weight_(options),
        key_scratch_(capacity * dim),
        value_scratch_(capacity * value_dim),
        weights_(capacity),
        reweight_(options.reweight) {}

  /// Calls `use()` for every full chunk of the keys in `runs` and for the rest; afterwards the chunk is empty.
  template <class Use>
  void gather(const std::vector<KeyRun>& runs, const LevelRows<T>& keys, const LevelRows<T>& values, const Use& use) {
    for (const KeyRun& run : runs)
      for (std::int64_t at = run.begin; at < run.end;) {
        const std::int64_t count = std::min(run.end - at, capacity - size_);
        keys_.push_back(keys.rows(run.level, at, count, key_scratch_.data() + size_ * keys.dim()));
        values_.push_back(values.rows(run.level, at, count, value_scratch_.data() + size_ * values.dim()));
        prefetch(keys_.back(), keys.dim());
        prefetch(values_.back(), values.dim());
        for (std::int64_t j = 0; j < count; ++j) weights_[size_ + j] = static_cast<C>(log_weight_(run.level, at + j));
        weighted_ |= run.level > 0 && reweight_;
        at += count;
        size_ += count;
        if (size_ == capacity) flush(use);
      }
    if (size_ > 0) flush(use);
  }

  std::int64_t size() const { return size_; }
  const std::vector<Rows<C>>& keys() const { return keys_; }
  const std::vector<Rows<C>>& values() const { return values_; }
  /// log2 weight of each key; null when all are zero.
  const C* log_weights() const { return weighted_ ? weights_.data() : nullptr; }

 private:
  template <class Use>
  void flush(const Use& use) {
    use();
    keys_.clear();
    values_.clear();
    size_ = 0;
    weighted_ = false;
  }

  /// Blocks lie scattered in memory: asking for the head of each before the first is used hides the latency; the
  /// processor follows a block's further rows by itself.
  static void prefetch(const Rows<C>& rows, std::int64_t dim) {
    constexpr std::int64_t head_rows = 4, line = 64 / sizeof(C);
    for (std::int64_t j = 0; j < std::min(rows.count, head_rows); ++j)
      for (std::int64_t d = 0; d < dim; d += line) __builtin_prefetch(rows.data + j * rows.stride + d, 0, 2);
  }

  LogWeights log_weight_;
  Buffer<C> key_scratch_, value_scratch_, weights_;
  bool reweight_, weighted_ = false;
  std::int64_t size_ = 0;
  std::vector<Rows<C>> keys_, values_;
};

/// Which lanes of the vector at `column` take part when the columns `[begin, end)` of a tile of `size` queries attend.
/// Padding behind the last query may take part: nobody reads it. Returns true when every lane does.
template <class C>
inline bool lanes_of(std::int64_t column, std::int64_t begin, std::int64_t end, std::int64_t size, Mask<C>& mask) {
  const bool whole = begin <= column && (column + lanes<C> <= end || end == size);
  mask = lanes_between<C>(column, begin, whole ? column + lanes<C> : end);
  return whole;
}

}  // namespace llsa::reference
