#include "cuda/ptx/report/resources.hpp"

#include <algorithm>
#include <fstream>
#include <regex>

#include "llsa/error.hpp"

namespace llsa::ptx {

std::map<std::string, int> read_registers(const std::filesystem::path& folder, const std::string& architecture) {
  static const std::regex entry("Compiling entry function '([^']+)' for '([^']+)'"), used("Used ([0-9]+) registers");
  std::map<std::string, int> result;
  std::error_code missing;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder, missing)) {
    if (file.path().extension() != ".ptxas") continue;
    std::ifstream lines(file.path());
    std::string kernel;
    for (std::string line; std::getline(lines, line);) {
      std::smatch found;
      if (std::regex_search(line, found, entry))
        kernel = found[2] == architecture ? readable_name(found[1]) : "";
      else if (!kernel.empty() && std::regex_search(line, found, used))
        result[kernel] = std::stoi(found[1]);
    }
  }
  if (result.empty())
    throw Error("no report of ptxas for " + architecture + " lies below " + folder.string() +
                "; give the build's folder cuda");
  return result;
}

int warps_per_multiprocessor(const Counts& counts, int registers, const Device& device) {
  if (counts.blocks == 0 || registers <= 0) return 0;
  const bool ada = device.major == 8 && device.minor == 9;
  const int block_warps = static_cast<int>((counts.threads / counts.blocks + 31) / 32);
  const int register_units = (32 * registers + 255) / 256 * 256;
  const int by_registers = 65536 / register_units / block_warps;
  const int by_shared = static_cast<int>(device.shared_per_multiprocessor / (counts.block_shared_bytes + 1024));
  const int by_threads = (ada ? 48 : 64) / block_warps;
  return std::min({by_registers, by_shared, by_threads, ada ? 24 : 32}) * block_warps;
}

}  // namespace llsa::ptx
