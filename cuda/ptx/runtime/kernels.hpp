#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cuda/ptx/block.hpp"

namespace llsa::ptx {

/// A text-level change to the PTX that is loaded, with which the checks themselves are tested.
struct Mutation {
  std::string kernel;    ///< part of the readable name of the kernel to change
  std::string from, to;  ///< a regular expression (ECMAScript) and what its match becomes ($1 is its first group)
  int occurrence = 0;    ///< which match in the kernel's body, the first is 0
};

/// A kernel as the host program knows it: a function of its own, whose PTX is chosen for the device when it is first
/// used.
class Kernel {
 public:
  Kernel(std::string name, const std::vector<std::string>* texts) : name_(std::move(name)), texts_(texts) {}
  const std::string& name() const { return name_; }
  /// Decoded for the device of the settings. Throws `Error`.
  const Program& program();
  /// The target of that PTX: 80, 90.
  int target();
  void forget();

  std::uint32_t dynamic_shared_limit = 48 * 1024;  ///< as the host program has set it

 private:
  struct Loaded;
  Loaded& load();

  std::string name_;
  const std::vector<std::string>* texts_;
  std::shared_ptr<Loaded> loaded_;
};

/// Everything that translation units have registered, and the device's memory.
class Runtime {
 public:
  static Runtime& instance();

  void** register_binary(const void* wrapper);
  void register_kernel(void** binary, const void* host_function, std::string name);
  /// Null when none is registered.
  Kernel* find(const void* host_function);
  /// Runs the kernel and counts. Throws `Error` when the launch is not valid or a check finds something.
  void launch(Kernel& kernel, const LaunchShape& shape, void** arguments);

  /// Changes the PTX of all kernels loaded from now on; an empty one ends that. A launch of a kernel whose text has no
  /// such place throws.
  void set_mutation(Mutation mutation);
  const Mutation& mutation() const { return mutation_; }
  /// Forgets decoded programs, as after a change of device.
  void forget_programs();
  /// Empties the L2 model.
  void clear_cache();

  DeviceMemory& memory() { return memory_; }

 private:
  Runtime() = default;

  DeviceMemory memory_;
  std::unique_ptr<Cache> cache_;
  std::vector<std::unique_ptr<std::vector<std::string>>> binaries_;
  std::vector<std::pair<const void*, std::unique_ptr<Kernel>>> kernels_;
  Mutation mutation_;
};

}  // namespace llsa::ptx
