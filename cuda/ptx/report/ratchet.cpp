#include "cuda/ptx/report/ratchet.hpp"

#include <nlohmann/json.hpp>

#include "llsa/error.hpp"

namespace llsa::ptx {

std::string to_json(const KernelCounts& counts) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [kernel, of] : counts) json[kernel] = of.named();
  return json.dump(1) + "\n";
}

std::map<std::string, std::map<std::string, std::uint64_t>> read_counts(const std::string& json) {
  try {
    return nlohmann::json::parse(json).get<std::map<std::string, std::map<std::string, std::uint64_t>>>();
  } catch (const nlohmann::json::exception& error) {
    throw Error("not a file of counts: " + std::string(error.what()));
  }
}

std::vector<std::string> grown(const KernelCounts& now,
                               const std::map<std::string, std::map<std::string, std::uint64_t>>& kept) {
  std::vector<std::string> lines;
  for (const auto& [kernel, counts] : now) {
    const auto before = kept.find(kernel);
    if (before == kept.end()) {
      lines.push_back("kernel " + kernel + " is new");
      continue;
    }
    for (const auto& [name, value] : counts.named()) {
      const auto old = before->second.find(name);
      const std::uint64_t limit = old == before->second.end() ? 0 : old->second;
      if (static_cast<double>(value) > 1.02 * static_cast<double>(limit))
        lines.push_back("kernel " + kernel + ": " + name + " has grown from " + std::to_string(limit) + " to " +
                        std::to_string(value));
    }
  }
  for (const auto& entry : kept)
    if (!now.count(entry.first)) lines.push_back("kernel " + entry.first + " no longer runs");
  return lines;
}

}  // namespace llsa::ptx
