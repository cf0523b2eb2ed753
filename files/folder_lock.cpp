#include "files/folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "files/make_folder.hpp"
#include "llsa/error.hpp"

namespace llsa::files {
namespace {

/// Whether the open file is still the one of that name: a process that ended may have removed it in between.
bool is_named(int descriptor, const std::filesystem::path& name) {
  struct stat open_one, named_one;
  return ::fstat(descriptor, &open_one) == 0 && ::stat(name.c_str(), &named_one) == 0 &&
         open_one.st_dev == named_one.st_dev && open_one.st_ino == named_one.st_ino;
}

/// " (process 123)", or nothing when the file does not say.
std::string holder_of(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  const std::string number(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  return digits ? " (process " + number + ")" : "";
}

}  // namespace

FolderLock::FolderLock(std::filesystem::path folder, const char* what)
    : folder_(std::move(folder)), file_(folder_ / ".lock") {
  std::error_code ignored;
  made_folder_ = !std::filesystem::exists(folder_, ignored);
  make_folder(folder_);
  do {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw Error(fmt::format("{}: cannot be written: {}", folder_.string(), std::strerror(errno)));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) continue;
    const int problem = errno;
    const std::string holder = holder_of(descriptor_);
    ::close(descriptor_);
    if (problem == EWOULDBLOCK)
      throw Error(fmt::format("{}: {}{} is writing here; wait for it or stop it", folder_.string(), what, holder));
    throw Error(fmt::format("{}: cannot be locked: {}", folder_.string(), std::strerror(problem)));
  } while (!is_named(descriptor_, file_));
  const std::string process = std::to_string(::getpid());
  // The number is for messages only: a disk that is full must not stop anything here.
  if (::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, process.data(), process.size(), 0) < 0) errno = 0;
}

FolderLock::~FolderLock() {
  ::unlink(file_.c_str());
  ::close(descriptor_);
  std::error_code ignored;
  if (made_folder_ && std::filesystem::is_empty(folder_, ignored)) std::filesystem::remove(folder_, ignored);
}

}  // namespace llsa::files
