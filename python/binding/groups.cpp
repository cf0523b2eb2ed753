#include "groups.hpp"

#include <string>

#include "llsa/error.hpp"

namespace pyllsa {

Array group_view(const Array& a, std::int64_t b, std::int64_t groups, std::int64_t g, bool shared,
                 std::size_t element) {
  const auto& [address, shape, strides] = a;
  if (address == 0) return a;
  const std::int64_t heads = shared ? 0 : strides[1];
  const auto offset = static_cast<std::uintptr_t>(b * strides[0]) * element;
  return {address + offset,
          {groups, g, shape[2], shape[3]},
          {shared ? strides[1] : g * strides[1], heads, strides[2], strides[3]}};
}

std::vector<Call> per_group(const Call& call) {
  const auto& query = std::get<1>(call.query);
  const std::int64_t heads = query[1], groups = std::get<1>(call.key)[1];
  if (groups == heads) return {call};
  if (groups < 1 || heads % groups != 0)
    throw llsa::Error("key has " + std::to_string(groups) + " heads; they must divide the query's " +
                      std::to_string(heads));
  std::vector<Call> calls;
  for (std::int64_t b = 0; b < query[0]; ++b) {
    Call one = call;
    const std::int64_t g = heads / groups;
    const std::size_t element = llsa::size_of(call.dtype);
    one.query = group_view(call.query, b, groups, g, false, element);
    one.key = group_view(call.key, b, groups, g, true, element);
    one.value = group_view(call.value, b, groups, g, true, element);
    one.output = group_view(call.output, b, groups, g, false, element);
    one.lse = group_view(call.lse, b, groups, g, false, call.dtype == llsa::DType::f64 ? 8 : 4);
    one.first_head = b * heads;
    calls.push_back(std::move(one));
  }
  return calls;
}

}  // namespace pyllsa
