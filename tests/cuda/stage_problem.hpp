#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>
#include <ostream>
#include <random>
#include <vector>

#include "cuda/buffer.hpp"
#include "cuda/levels.hpp"
#include "llsa/options.hpp"
#include "reference/pool.hpp"

namespace llsa::cuda::testing {

/// The sizes of one problem for a single stage.
struct StageCase {
  std::int64_t heads = 1, query_tokens = 1, key_tokens = 1, dim = 8, value_dim = 8, block_size = 2;
  std::vector<std::int64_t> top_k;  ///< one for each level
  std::uint64_t seed = 0;

  ResolvedOptions resolved() const {
    return resolve({.block_size = block_size, .levels = static_cast<int>(top_k.size()), .top_k = top_k},
                   {1, heads, query_tokens, dim}, {1, heads, key_tokens, dim}, {1, heads, key_tokens, value_dim});
  }
};

inline std::ostream& operator<<(std::ostream& out, const StageCase& c) {
  out << "heads " << c.heads << ", Nq " << c.query_tokens << ", Nk " << c.key_tokens << ", D " << c.dim << ", Dv "
      << c.value_dim << ", B " << c.block_size << ", K";
  for (const std::int64_t k : c.top_k) out << ' ' << k;
  return out << ", seed " << c.seed;
}

/// Ragged tails, B from 2 to far beyond the sequence, lists from 1 to more than every candidate, up to 4 levels.
inline rc::Gen<StageCase> stage_cases(std::int64_t most_tokens) {
  return rc::gen::exec([=] {
    StageCase c;
    c.heads = *rc::gen::inRange<std::int64_t>(1, 4);
    c.block_size = *rc::gen::element<std::int64_t>(2, 3, 4, 5, 16, 16, 32, 64, 1000);
    c.key_tokens = *rc::gen::inRange<std::int64_t>(1, most_tokens);
    c.query_tokens = *rc::gen::inRange(0, 2) ? c.key_tokens : *rc::gen::inRange<std::int64_t>(1, most_tokens);
    c.dim = *rc::gen::element<std::int64_t>(8, 16, 24, 64, 72, 136);
    c.value_dim = *rc::gen::element<std::int64_t>(8, 32, 256);
    const int levels = *rc::gen::inRange(1, 5);
    for (int l = 0; l < levels; ++l)
      c.top_k.push_back(*rc::gen::element<std::int64_t>(1, 2, 3, 8, 20, 33, 64, 70, 129));
    c.seed = *rc::gen::arbitrary<std::uint64_t>();
    return c;
  });
}

/// Whole numbers in [-2, 2]: sums and scores are exact, and scores tie often.
inline std::vector<float> whole_numbers(std::int64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(static_cast<int>(random() % 5) - 2);
  return values;
}

/// Level l of a device pyramid begins here, in rows.
inline std::int64_t first_row(const Levels& levels, bool of_queries, int level) {
  return of_queries ? levels.level[level].query_row : levels.level[level].key_row;
}

/// The first place at which a device array differs from the expected one, as bits; -1 when there is none.
template <class T>
std::int64_t first_difference(const T* actual, const T* expected, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    if (std::memcmp(actual + i, expected + i, sizeof(T)) != 0) return i;
  return -1;
}

}  // namespace llsa::cuda::testing
