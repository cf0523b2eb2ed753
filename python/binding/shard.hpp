#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "llsa/hierarchy.hpp"
#include "llsa/options.hpp"

namespace pyllsa {

/// Rows of one level, `[heads, pitch, dim]` in the accumulation type, of which `count` are used.
struct LevelRowsGiven {
  std::uintptr_t address = 0;
  std::int64_t first = 0;  ///< the level's token that row 0 is
  std::int64_t count = 0, pitch = 0;
};

/// One rank's share of a problem whose tokens are spread over ranks. Every rank knows all lists and, of every level,
/// the coarse keys and values that its queries attend to and those that are its own; of fine tokens it has its own
/// queries, and the key blocks that these selected. The work is the reference's own on these tokens, so that what it
/// computes are the bits of one process.
struct Shard {
  llsa::DType dtype = llsa::DType::f32;
  llsa::Options options;                     ///< `levels` is set, `top_k` has L numbers
  llsa::Shape query, key, value;             ///< of the whole problem
  std::int32_t* lists = nullptr;             ///< of the whole problem, laid out by `ListLayout`
  std::vector<LevelRowsGiven> coarse_key;    ///< level 1 first, of full length
  std::vector<LevelRowsGiven> coarse_value;  ///< likewise
};

/// Where fine rows stand (`reference::Places`): the first token of a shard, or address of the slots `[heads, T_1]`.
struct Place {
  std::int64_t first = 0;
  std::uintptr_t slots = 0;
};

/// Writes the lists of the query tokens of `level` above `queries` into `shard.lists`, which holds those of the levels
/// above.
void shard_select(const Shard& shard, llsa::TokenRange queries, int level, const LevelRowsGiven& pooled_queries,
                  const LevelRowsGiven& pooled_keys);

/// Arrays of this rank. Those of queries hold `queries` alone, or are placed by `query_place`.
struct ShardArrays {
  llsa::TokenRange queries;
  Array query, key, value, output, lse;
  Place query_place, key_place;
};

/// Writes O and LSE of `queries`.
void shard_attend(const Shard& shard, const ShardArrays& arrays);

/// Writes dQ of `queries` and what the gradients of keys need of them: base-2 LSE and delta, `[batch * H, n]`, in the
/// accumulation type.
void shard_query_gradient(const Shard& shard, const ShardArrays& arrays, const Array& output_gradient,
                          const Array& lse_gradient, const Array& query_gradient, std::uintptr_t lse2,
                          std::uintptr_t delta);

/// What a key-major gradient reads of queries, and where it goes: `[batch, Hk, tokens, dim]`, in the accumulation type.
struct ShardKeyGradient {
  Array output_gradient;
  std::uintptr_t lse2 = 0, delta = 0;
  Array key, value;
};

/// dK^(level) and dV^(level), before unpooling, of the tokens of `level` below the tokens `own` of `level + 1`.
void shard_key_gradient(const Shard& shard, const ShardArrays& arrays, const ShardKeyGradient& gradient, int level,
                        llsa::TokenRange own);

/// The sums of the coarsest level over `segments` (`reference::segment_gradient`): `[batch * H, segments, T_L, dim]`.
void shard_segment_gradient(const Shard& shard, const ShardArrays& arrays, const ShardKeyGradient& gradient,
                            llsa::TokenRange segments);

/// `{queries of a segment, segments that make a part}`: in which order the sums of segments are to be added.
std::pair<std::int64_t, std::int64_t> shard_segments(const Shard& shard);

}  // namespace pyllsa
