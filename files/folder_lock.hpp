#pragma once

#include <filesystem>

namespace llsa::files {

/// The right to write into a folder, for one process at a time. It is a lock on the file `.lock` in the folder, which
/// the system takes back when the process ends, however it ends. Made and removed with the lock; the folder itself is
/// made where it is missing, and removed again if it is still empty.
class FolderLock {
 public:
  /// Throws `Error` that begins with the folder when another process has it, naming that process, or when the folder
  /// cannot be made or locked. `what` says what the other one is, "a training run".
  FolderLock(std::filesystem::path folder, const char* what);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::filesystem::path folder_, file_;
  int descriptor_ = -1;
  bool made_folder_ = false;
};

}  // namespace llsa::files
