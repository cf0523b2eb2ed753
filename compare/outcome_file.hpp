#pragma once

#include <map>
#include <string>
#include <vector>

#include "compare/problem.hpp"
#include "files/tensor_file.hpp"

namespace llsa::compare {

/// The tensors of `llsa-compare run`'s output: `o` `[batch, heads, Nq, Dv]`, `lse` `[batch, heads, Nq]` (natural
/// logarithm), `indices_1` ... `indices_L` `[batch, heads, T_l, K_l]` int32, best first, -1 where there are fewer
/// candidates, and `dq`, `dk`, `dv` like q, k, v when the problem has an output gradient, and then the gradients of the
/// method's further inputs, "d" before their names. Values are in the storage
/// type, `lse` in its accumulation type. Throws `Error` when the padding that a K_l far above the number of candidates
/// asks for is out of proportion.
template <class T>
std::vector<files::NamedTensor> outcome_tensors(const Outcome<T>& outcome);

}  // namespace llsa::compare
