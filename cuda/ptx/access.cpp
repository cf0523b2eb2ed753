#include "cuda/ptx/access.hpp"

namespace llsa::ptx::detail {
namespace {

std::string hexadecimal(std::uint64_t x) {
  std::string digits;
  do digits.insert(digits.begin(), "0123456789abcdef"[x % 16]), x /= 16;
  while (x);
  return "0x" + digits;
}

}  // namespace

void misaligned(std::uint64_t address, std::uint32_t bytes, std::uint32_t lane) {
  throw Fault{"address " + hexadecimal(address) + " is not a multiple of " + std::to_string(bytes) + " bytes", lane};
}

void outside_shared(std::uint64_t address, std::uint32_t bytes, std::uint64_t size, std::uint32_t lane) {
  throw Fault{std::to_string(bytes) + " bytes at offset " +
                  std::to_string(static_cast<std::int64_t>(address - shared_base)) + " lie outside the " +
                  std::to_string(size) + " bytes of shared memory",
              lane};
}

void outside_global(std::uint64_t address, std::uint32_t bytes, std::uint32_t lane) {
  throw Fault{std::to_string(bytes) + " bytes at " + hexadecimal(address) + " lie outside every allocation", lane};
}

}  // namespace llsa::ptx::detail
