#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "cuda/ptx/counts.hpp"
#include "cuda/ptx/settings.hpp"

namespace llsa::ptx {

/// Registers of a thread by kernel, as ptxas reported them for one architecture ("sm_90a") in the `.ptxas` files below
/// `folder`, which the build keeps beside its objects. Names as in `Counters`. Throws `Error` when there is none.
std::map<std::string, int> read_registers(const std::filesystem::path& folder, const std::string& architecture);

/// How many warps of a kernel an SM holds: what registers, shared memory and threads leave room for (CUDA C++
/// Programming Guide, "Compute Capabilities": 65,536 registers, given to warps in units of 256; 64 warps, 48 on 8.9; 32
/// blocks, 24 on 8.9; 1 KiB of shared memory taken from each block by the system).
int warps_per_multiprocessor(const Counts& counts, int registers, const Device& device);

}  // namespace llsa::ptx
