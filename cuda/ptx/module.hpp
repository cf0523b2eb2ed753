#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace llsa::ptx {

/// A variable with an address: a kernel's parameter, a piece of shared or a global variable.
struct Variable {
  std::string_view name;
  std::uint64_t bytes = 0;
  std::uint64_t alignment = 1;
  std::uint64_t offset = 0;  ///< of a parameter within the parameters, of a global from the module's block
};

/// What is known of a kernel before its body is read.
struct Entry {
  std::string name;
  std::vector<Variable> parameters;
  std::uint64_t parameter_bytes = 0;
  std::uint32_t max_threads = 1024;
  std::string_view body;         ///< from behind its `{` to before its `}`
  std::uint32_t first_line = 1;  ///< of the body in the module's text
};

/// One PTX text: its kernels and variables. Bodies are kept as text and decoded when a kernel is first launched
/// (decode.hpp). Only what nvcc writes for kernels without calls, textures and initialised variables is known; anything
/// else is an error that names the line.
class Module {
 public:
  /// Throws `Error` for text that is not such a module.
  explicit Module(std::string text);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// As `.target` says: "sm_80", "sm_90a".
  const std::string& target() const { return target_; }
  const Entry* find(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }
  /// Module-scope shared arrays without a size: dynamic shared memory.
  const std::vector<Variable>& dynamic_shared() const { return dynamic_shared_; }
  const std::vector<Variable>& globals() const { return globals_; }
  std::uint64_t global_bytes() const { return global_bytes_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_, target_;
  std::vector<Entry> entries_;
  std::vector<Variable> dynamic_shared_, globals_;
  std::uint64_t global_bytes_ = 0;
};

/// Bytes of a PTX type name such as ".b8" or ".f32"; 0 when it is none.
std::uint32_t type_bytes(std::string_view type);

}  // namespace llsa::ptx
