#include "cuda/workspace.hpp"

#include <string>

namespace llsa::cuda {

void check_workspace(const char* what, const void* d_workspace, std::size_t bytes, std::size_t needed) {
  if (bytes < needed)
    throw Error(std::string(what) + ": the workspace has " + std::to_string(bytes) + " bytes; " +
                std::to_string(needed) + " are needed");
  if (needed > 0 && (!d_workspace || reinterpret_cast<std::uintptr_t>(d_workspace) % Workspace::alignment != 0))
    throw Error(std::string(what) + ": the workspace must start at a multiple of " +
                std::to_string(Workspace::alignment) + " bytes");
}

}  // namespace llsa::cuda
