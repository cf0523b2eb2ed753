#pragma once

#include <string_view>
#include <vector>

#include "compare/problem.hpp"

namespace llsa::compare::check {

/// Ways to compute the same definition that round otherwise.
enum class Order {
  reversed,             ///< keys and queries from last to first
  halves,               ///< two softmaxes, over even and odd keys, merged by their log-sum-exps
  rounded_probability,  ///< P and dS are rounded to the storage type before they are multiplied, as tensor cores want
                        ///< them
  rounded_means,        ///< coarse keys and values are kept in the storage type
};
constexpr Order orders[] = {Order::reversed, Order::halves, Order::rounded_probability, Order::rounded_means};
std::string_view name_of(Order order);

/// A right implementation, written for its rounding alone: everything is summed in f32 (f64 for f64), one query after
/// another, on these lists. `problem` is one that `storage` holds exactly. Values are rounded to `storage` at last.
Outcome<double> compute_in_order(const Problem<double>& problem, const Selection& lists, DType storage, Order order);

}  // namespace llsa::compare::check
