#pragma once

#include <cstdint>
#include <vector>

namespace llsa {

/// A half-open range of tokens `[begin, end)`.
struct TokenRange {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
  friend bool operator==(const TokenRange&, const TokenRange&) = default;
};

/// Token `token` of level `level`; level 0 is fine.
struct LevelToken {
  int level = 0;
  std::int64_t token = 0;
  friend bool operator==(const LevelToken&, const LevelToken&) = default;
};

/// The arithmetic of one sequence's levels (spec section 2): `T_0 = N`, `T_l = ceil(T_{l-1} / B)`.
/// Token `t` of level `l` stands for the fine tokens `fine(l, t)`; their number is its count, `B^l` or less at the
/// tail. Spans larger than the sequence saturate, so any `levels` is safe. Throws `Error` unless N >= 1, B >= 2, L >=
/// 0.
class Hierarchy {
 public:
  Hierarchy() = default;
  Hierarchy(std::int64_t tokens, std::int64_t block_size, int levels);

  std::int64_t tokens() const { return lengths_.front(); }
  std::int64_t block_size() const { return block_size_; }
  int levels() const { return static_cast<int>(lengths_.size()) - 1; }

  /// `T_l`, the number of tokens of level `l`.
  std::int64_t length(int level) const { return lengths_[static_cast<std::size_t>(level)]; }
  /// `B^l`, saturated at the first power that reaches N.
  std::int64_t span(int level) const { return spans_[static_cast<std::size_t>(level)]; }
  /// The fine tokens that token `t` of `level` stands for.
  TokenRange fine(int level, std::int64_t t) const;
  /// `n_l(t)`, how many fine tokens it stands for.
  std::int64_t count(int level, std::int64_t t) const { return fine(level, t).size(); }
  /// The tokens of `level - 1` below token `t` of `level` (level >= 1).
  TokenRange children(int level, std::int64_t t) const;
  /// The token of `level` that stands for fine token `i`.
  std::int64_t ancestor(int level, std::int64_t i) const { return i / span(level); }

 private:
  std::int64_t block_size_ = 2;
  std::vector<std::int64_t> lengths_{1};
  std::vector<std::int64_t> spans_{1};
};

/// The largest L whose coarsest level still has at least 64 key tokens, 0 if there is none (spec section 1).
int automatic_levels(std::int64_t key_tokens, std::int64_t block_size);

}  // namespace llsa
