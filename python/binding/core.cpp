// The extension module: attention, token orders, and the threads they run on. Everything here takes addresses, shapes
// and strides; what a user may pass is decided and checked in Python.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "attend.hpp"
#include "errors.hpp"
#include "llsa/error.hpp"
#include "llsa/token_order.hpp"
#include "option_tuple.hpp"
#include "pool.hpp"
#include "shard_module.hpp"

namespace nb = nanobind;
using namespace pyllsa;

namespace {

/// Query offsets and key offsets; empty when not packed.
using PackingTuple = std::tuple<std::vector<std::int64_t>, std::vector<std::int64_t>>;
/// q, k, v, o, lse.
using Arrays = std::tuple<Array, Array, Array, Array, Array>;
/// Address and number of int32.
using Lists = std::tuple<std::uintptr_t, std::int64_t>;

Call call_of(int dtype, OptionTuple options, PackingTuple packing, Arrays arrays, Lists lists, bool given) {
  auto& [query, key, value, output, lse] = arrays;
  return {.dtype = static_cast<llsa::DType>(dtype),
          .options = options_from(std::move(options)),
          .packing = {std::move(std::get<0>(packing)), std::move(std::get<1>(packing))},
          .query = query,
          .key = key,
          .value = value,
          .output = output,
          .lse = lse,
          .lists = reinterpret_cast<std::int32_t*>(std::get<0>(lists)),
          .lists_size = std::get<1>(lists),
          .lists_given = given};
}

}  // namespace

NB_MODULE(PYLLSA_MODULE, m) {
  pyllsa::raise_errors_as_value_errors();
  m.def(
      "forward",
      [](int dtype, OptionTuple options, PackingTuple packing, Arrays arrays, Lists lists, bool given) {
        const Call call = call_of(dtype, std::move(options), std::move(packing), arrays, lists, given);
        const nb::gil_scoped_release released;
        forward(call);
      },
      "Attention of [batch, heads, tokens, dim] arrays given by address, shape and strides.");
  m.def(
      "backward",
      [](int dtype, OptionTuple options, PackingTuple packing, Arrays arrays, Lists lists,
         std::tuple<Array, Array, Array, Array, Array> gradients) {
        const Call call = call_of(dtype, std::move(options), std::move(packing), arrays, lists, false);
        const auto& [output, lse, query, key, value] = gradients;
        const nb::gil_scoped_release released;
        backward(call, {output, lse, query, key, value});
      },
      "Its gradient: overwrites dq, dk, dv from do and dlse.");
  m.def(
      "check",
      [](OptionTuple options, PackingTuple packing, std::array<std::int64_t, 4> query, std::array<std::int64_t, 4> key,
         Lists lists, bool given) {
        const Array q{0, query, {}}, k{0, key, {}};
        check(call_of(static_cast<int>(llsa::DType::f32), std::move(options), std::move(packing), {q, k, k, {}, {}},
                      lists, given));
      },
      "Checks packing and, when they are given, lists.");
  m.def("lists_size", [](OptionTuple options, std::int64_t sequences, std::array<std::int64_t, 4> query,
                         std::array<std::int64_t, 4> key) {
    Call call = call_of(static_cast<int>(llsa::DType::f32), std::move(options), {}, {}, {}, false);
    std::get<1>(call.query) = query;
    std::get<1>(call.key) = key;
    if (sequences > 0) call.packing.query.resize(static_cast<std::size_t>(sequences + 1));
    return lists_size(call);
  });
  m.def("automatic_levels", &llsa::automatic_levels);
  m.def("token_order", [](const std::string& name, std::vector<std::int64_t> grid) {
    if (grid.size() == 2) grid.insert(grid.begin(), 1);
    if (grid.size() != 3)
      throw llsa::Error("grid has " + std::to_string(grid.size()) + " extents; it must be (H, W) or (T, H, W)");
    return llsa::token_order(name, {grid[0], grid[1], grid[2]}).to_raster();
  });
  m.def(
      "checkpoint_hash",
      [](const std::string& name, std::uintptr_t address, std::size_t size) {
        std::uint64_t hash = 0xcbf29ce484222325u;
        const auto add = [&hash](const unsigned char* bytes, std::size_t count) {
          for (std::size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
        };
        add(reinterpret_cast<const unsigned char*>(name.data()), name.size());
        add(reinterpret_cast<const unsigned char*>(address), size);
        return hash;
      },
      "FNV-1a of a tensor's name and bytes, as checkpoints of llsa-diffusion have it.");
  m.def("threads", &pool_threads);
  m.def("set_threads", &set_pool_threads);
  m.def("forget_pool", &forget_pool);
  add_shard_functions(m);
}
