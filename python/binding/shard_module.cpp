#include "shard_module.hpp"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "option_tuple.hpp"
#include "shard.hpp"

namespace nb = nanobind;
using namespace pyllsa;

namespace {

using Extents = std::array<std::int64_t, 4>;
/// Address, first token, rows, rows from one head to the next.
using LevelTuple = std::tuple<std::uintptr_t, std::int64_t, std::int64_t, std::int64_t>;
using LevelTuples = std::vector<LevelTuple>;
using Range = std::pair<std::int64_t, std::int64_t>;
/// dtype, options, shapes of q, k and v, lists, coarse keys, coarse values.
using ShardTuple = std::tuple<int, OptionTuple, std::array<Extents, 3>, std::uintptr_t, LevelTuples, LevelTuples>;
/// First token, or address of the slots.
using PlaceTuple = std::pair<std::int64_t, std::uintptr_t>;
/// Queries; q, k, v, o, lse; places of queries and keys.
using ArraysTuple = std::tuple<Range, std::array<Array, 5>, PlaceTuple, PlaceTuple>;
/// dO, lse2, delta, dK, dV.
using KeyGradientTuple = std::tuple<Array, std::uintptr_t, std::uintptr_t, Array, Array>;

LevelRowsGiven level_of(const LevelTuple& given) {
  const auto& [address, first, count, pitch] = given;
  return {.address = address, .first = first, .count = count, .pitch = pitch};
}

std::vector<LevelRowsGiven> levels_of(const LevelTuples& given) {
  std::vector<LevelRowsGiven> levels;
  for (const LevelTuple& each : given) levels.push_back(level_of(each));
  return levels;
}

Shard shard_of(ShardTuple given) {
  auto& [dtype, options, shapes, lists, keys, values] = given;
  const auto shape = [](const Extents& e) { return llsa::Shape{e[0], e[1], e[2], e[3]}; };
  return {.dtype = static_cast<llsa::DType>(dtype),
          .options = options_from(std::move(options)),
          .query = shape(shapes[0]),
          .key = shape(shapes[1]),
          .value = shape(shapes[2]),
          .lists = reinterpret_cast<std::int32_t*>(lists),
          .coarse_key = levels_of(keys),
          .coarse_value = levels_of(values)};
}

ShardArrays arrays_of(const ArraysTuple& given) {
  const auto& [queries, arrays, query_place, key_place] = given;
  return {.queries = {queries.first, queries.second},
          .query = arrays[0],
          .key = arrays[1],
          .value = arrays[2],
          .output = arrays[3],
          .lse = arrays[4],
          .query_place = {query_place.first, query_place.second},
          .key_place = {key_place.first, key_place.second}};
}

ShardKeyGradient key_gradient_of(const KeyGradientTuple& given) {
  const auto& [output, lse2, delta, key, value] = given;
  return {.output_gradient = output, .lse2 = lse2, .delta = delta, .key = key, .value = value};
}

}  // namespace

void add_shard_functions(nb::module_& m) {
  m.def("shard_select", [](ShardTuple shard, Range queries, int level, const LevelTuple& pooled_queries,
                           const LevelTuple& pooled_keys) {
    const Shard problem = shard_of(std::move(shard));
    const nb::gil_scoped_release released;
    shard_select(problem, {queries.first, queries.second}, level, level_of(pooled_queries), level_of(pooled_keys));
  });
  m.def("shard_attend", [](ShardTuple shard, const ArraysTuple& arrays) {
    const Shard problem = shard_of(std::move(shard));
    const nb::gil_scoped_release released;
    shard_attend(problem, arrays_of(arrays));
  });
  m.def("shard_query_gradient", [](ShardTuple shard, const ArraysTuple& arrays, const std::array<Array, 3>& gradients,
                                   std::uintptr_t lse2, std::uintptr_t delta) {
    const Shard problem = shard_of(std::move(shard));
    const nb::gil_scoped_release released;
    shard_query_gradient(problem, arrays_of(arrays), gradients[0], gradients[1], gradients[2], lse2, delta);
  });
  m.def("shard_key_gradient",
        [](ShardTuple shard, const ArraysTuple& arrays, const KeyGradientTuple& gradient, int level, Range own) {
          const Shard problem = shard_of(std::move(shard));
          const nb::gil_scoped_release released;
          shard_key_gradient(problem, arrays_of(arrays), key_gradient_of(gradient), level, {own.first, own.second});
        });
  m.def("shard_segment_gradient", [](ShardTuple shard, const ArraysTuple& arrays, const KeyGradientTuple& gradient,
                                     Range segments) {
    const Shard problem = shard_of(std::move(shard));
    const nb::gil_scoped_release released;
    shard_segment_gradient(problem, arrays_of(arrays), key_gradient_of(gradient), {segments.first, segments.second});
  });
  m.def("shard_segments", [](ShardTuple shard) { return shard_segments(shard_of(std::move(shard))); });
}
