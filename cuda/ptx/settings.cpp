#include "cuda/ptx/settings.hpp"

#include <cstdlib>

#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

/// Compute capability, SMs, shared memory and L2: NVIDIA's A100 (GA102/GA100), H100 and Ada whitepapers, and the table
/// "Technical Specifications per Compute Capability" of the CUDA C++ Programming Guide. The H100 is the SXM5 one.
const std::vector<std::pair<std::string, Device>>& devices() {
  static const std::vector<std::pair<std::string, Device>> table = {
      {"a100", {"interpreter of compiled PTX (as A100)", 8, 0, 108, 166912, 167936, 41943040}},
      {"h100", {"interpreter of compiled PTX (as H100)", 9, 0, 132, 232448, 233472, 52428800}},
      {"h200", {"interpreter of compiled PTX (as H200)", 9, 0, 132, 232448, 233472, 52428800}},
      {"l40s", {"interpreter of compiled PTX (as L40S)", 8, 9, 142, 101376, 102400, 100663296}}};
  return table;
}

template <class T>
T choice(const char* variable, T standard, std::initializer_list<std::pair<const char*, T>> values) {
  const char* text = std::getenv(variable);
  if (!text) return standard;
  std::string allowed;
  for (const auto& [name, value] : values) {
    if (std::string(text) == name) return value;
    allowed += std::string(allowed.empty() ? "" : ", ") + name;
  }
  throw Error(std::string(variable) + " is \"" + text + "\"; it takes " + allowed);
}

std::uint64_t number(const char* variable, std::uint64_t standard) {
  const char* text = std::getenv(variable);
  if (!text) return standard;
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != 0) throw Error(std::string(variable) + " is \"" + text + "\"; it takes a whole number");
  return value;
}

Settings from_environment() {
  Settings result;
  const char* device = std::getenv("LLSA_PTX_DEVICE");
  result.device = device_named(device ? device : "a100");
  const auto order = [](const char* variable) {
    return choice(variable, Order::ascending,
                  {{"ascending", Order::ascending}, {"descending", Order::descending}, {"shuffled", Order::shuffled}});
  };
  result.blocks = order("LLSA_PTX_BLOCKS");
  result.warps = order("LLSA_PTX_WARPS");
  result.seed = number("LLSA_PTX_SEED", result.seed);
  result.quantum = static_cast<std::uint32_t>(number("LLSA_PTX_QUANTUM", result.quantum));
  result.sums = choice("LLSA_PTX_SUMS", result.sums,
                       {{"ascending", SumOrder::ascending},
                        {"descending", SumOrder::descending},
                        {"pairs", SumOrder::pairs},
                        {"exact", SumOrder::exact}});
  result.copies =
      choice("LLSA_PTX_COPIES", result.copies, {{"early", CopyArrival::early}, {"late", CopyArrival::late}});
  result.check = choice("LLSA_PTX_CHECK", true, {{"1", true}, {"0", false}});
  return result;
}

}  // namespace

const Device& device_named(const std::string& name) {
  std::string allowed;
  for (const auto& [known, device] : devices()) {
    if (known == name) return device;
    allowed += (allowed.empty() ? "" : ", ") + known;
  }
  throw Error("the stand-in has no device \"" + name + "\"; it takes " + allowed);
}

std::vector<std::string> device_names() {
  std::vector<std::string> names;
  for (const auto& [name, device] : devices()) names.push_back(name);
  return names;
}

Settings& settings() {
  static Settings value = from_environment();
  return value;
}

}  // namespace llsa::ptx
