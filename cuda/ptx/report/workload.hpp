#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cuda/ptx/counts.hpp"
#include "llsa/dtype.hpp"

namespace llsa::ptx {

/// A forward and a backward pass over random Q, K, V and dO.
struct Workload {
  std::int64_t tokens = 1024, heads = 1, head_dim = 64, block_size = 16, top_k = 8;
  int levels = 2;
  DType dtype = DType::bf16;
};

/// What the compiled PTX of every kernel does for it, executed by the interpreter as the settings say, with counting
/// and without the checks of memory that tests make. The L2 model is empty at first. Throws `Error`.
std::map<std::string, Counts> count_workload(const Workload& workload);

}  // namespace llsa::ptx
