#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "reference/tile_rows.hpp"

namespace llsa::reference {

/// The best K of a stream of scores for every lane of one vector (spec section 3: score descending, ties to the lower
/// index, NaN last). Candidates come in ascending token order, so a strict comparison settles ties. A sorted list per
/// lane; a new score is inserted in all lanes at once without a branch: what it displaces moves down one place.
template <class C>
class LaneTopK {
 public:
  using Key = Mask<C>;  // signed integers
  static constexpr int W = lanes<C>;
  /// Beyond this many, inserting costs more than sorting (see `StreamTopK`).
  static constexpr std::int64_t most = 64;

  void reset(std::int64_t width) {
    width_ = width;
    keys_.setConstant(width * W, empty);
    tokens_.setConstant(width * W, -1);
  }

  void offer(Vector<C> scores, std::int64_t token) {
    Key key = ordered(scores);
    Key moved = key > load(keys_.data() + (width_ - 1) * W);
    if (!any(moved)) return;
    Key tokens = static_cast<LaneInt<C>>(token) - Key{};
    moved = Key{};
    for (std::int64_t i = 0; i < width_; ++i) {
      const Key held_key = load(keys_.data() + i * W), held_token = load(tokens_.data() + i * W);
      moved |= key > held_key;
      store(keys_.data() + i * W, moved ? key : held_key);
      store(tokens_.data() + i * W, moved ? tokens : held_token);
      key = moved ? held_key : key;
      tokens = moved ? held_token : tokens;
    }
  }

  /// The i-th best token of a lane, -1 where fewer were offered.
  std::int32_t token(std::int64_t i, int lane) const { return static_cast<std::int32_t>(tokens_[i * W + lane]); }

 private:
  static constexpr LaneInt<C> empty = std::numeric_limits<LaneInt<C>>::min();

  /// Integers in the order of the scores: -0 equals +0, NaN comes behind -inf and before `empty`.
  static Key ordered(Vector<C> scores) {
    const Key bits = reinterpret_cast<Key>(scores + C{0});
    const Key ordered = bits ^ ((bits >> (8 * sizeof(C) - 1)) & std::numeric_limits<LaneInt<C>>::max());
    return scores != scores ? (empty + 1) - Key{} : ordered;
  }

  static bool any(Key mask) {
    LaneInt<C> all = 0;
    for (int lane = 0; lane < W; ++lane) all |= mask[lane];
    return all != 0;
  }

  std::int64_t width_ = 0;
  Buffer<LaneInt<C>> keys_, tokens_;
};

/// The best K of one stream for large K: a buffer of twice that size, cut back to its best half whenever it is full, so
/// that a candidate costs O(1) whatever K is.
template <class C>
class StreamTopK {
 public:
  void reset(std::int64_t width) {
    width_ = static_cast<std::size_t>(width);
    best_.clear();
    full_ = false;
  }

  void offer(C score, std::int32_t token) {
    Scored scored{score, token, token};
    if (std::isnan(score)) scored = {-std::numeric_limits<C>::infinity(), token + (std::int64_t{1} << 32), token};
    if (full_ && !(scored < worst_)) return;
    best_.push_back(scored);
    if (best_.size() == 2 * width_) cut();
  }

  /// Writes the tokens, best first.
  void write(std::int32_t* tokens) {
    if (best_.size() > width_) cut();
    std::sort(best_.begin(), best_.end());
    for (const Scored& scored : best_) *tokens++ = scored.token;
  }

 private:
  struct Scored {
    C score;
    std::int64_t order;  // the token; NaN scores are moved behind all others
    std::int32_t token;

    friend bool operator<(const Scored& a, const Scored& b) {
      return a.score != b.score ? a.score > b.score : a.order < b.order;
    }
  };

  void cut() {
    const auto last = best_.begin() + static_cast<std::ptrdiff_t>(width_ - 1);
    std::nth_element(best_.begin(), last, best_.end());
    worst_ = *last;
    best_.resize(width_);
    full_ = true;
  }

  std::size_t width_ = 1;
  bool full_ = false;
  Scored worst_{};
  std::vector<Scored> best_;
};

}  // namespace llsa::reference
