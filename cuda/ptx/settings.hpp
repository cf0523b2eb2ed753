#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace llsa::ptx {

enum class Order : std::uint8_t { ascending, descending, shuffled };
/// How a tensor-core instruction adds its 16 products and C. What the hardware does is not documented; a result must
/// not depend on it beyond rounding.
enum class SumOrder : std::uint8_t { ascending, descending, pairs, exact };
enum class CopyArrival : std::uint8_t { early, late };

/// The device that the stand-in shows to programs.
struct Device {
  std::string name;
  int major = 8, minor = 0;
  int multiprocessors = 108;
  std::size_t shared_per_block = 166912;  ///< with opt-in
  std::size_t shared_per_multiprocessor = 167936;
  std::size_t l2_bytes = 41943040;
};

/// By name: a100, h100, h200, l40s. Throws `Error` for others.
const Device& device_named(const std::string& name);
std::vector<std::string> device_names();

/// How kernels are run. Taken from the environment at first use; tests change it between launches.
///
/// | variable | values | default |
/// |---|---|---|
/// | LLSA_PTX_DEVICE | a100, h100, h200, l40s | a100 |
/// | LLSA_PTX_BLOCKS, LLSA_PTX_WARPS | ascending, descending, shuffled | ascending |
/// | LLSA_PTX_SEED | of the shuffles | 1 |
/// | LLSA_PTX_QUANTUM | instructions before another warp's turn; 0: until it waits | 0 |
/// | LLSA_PTX_SUMS | ascending, descending, pairs, exact | ascending |
/// | LLSA_PTX_COPIES | early, late | late |
/// | LLSA_PTX_CHECK | 1, 0: memory is checked for bounds and alignment only | 1 |
struct Settings {
  Device device;
  Order blocks = Order::ascending, warps = Order::ascending;
  std::uint64_t seed = 1;
  std::uint32_t quantum = 0;
  SumOrder sums = SumOrder::ascending;
  CopyArrival copies = CopyArrival::late;
  bool check = true;
  bool count = false;  ///< also what costs time to count: sectors, bank conflicts, the L2 model
};

Settings& settings();

}  // namespace llsa::ptx
