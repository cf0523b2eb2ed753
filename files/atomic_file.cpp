#include "files/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>

#include "llsa/error.hpp"

namespace llsa::files {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

void expect_regular(const std::filesystem::path& path) {
  struct stat status;
  if (path.filename().empty() || (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)))
    throw Error(fmt::format("{}: is not the name of a regular file, so it cannot be written", path.string()));
}

/// The process that made ".NAME.PROCESS.NUMBER.tmp"; 0 for another name.
pid_t maker_of(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(".tmp")) return 0;
  name.remove_suffix(4);
  pid_t maker = 0;
  for (int number = 0; number < 2; ++number) {
    const std::size_t dot = name.find_last_not_of("0123456789");
    if (dot == std::string_view::npos || name[dot] != '.') return 0;
    maker = 0;
    const auto parsed = std::from_chars(name.data() + dot + 1, name.data() + name.size(), maker);
    if (parsed.ec != std::errc{}) return 0;
    name = name.substr(0, dot);
  }
  return name.size() > 1 && maker > 0 ? maker : 0;
}

bool lives(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

}  // namespace

void expect_writable(const std::filesystem::path& path) {
  expect_regular(path);
  if (::access(folder_of(path).c_str(), W_OK | X_OK) != 0)
    throw Error(fmt::format("{}: cannot be created: {}", path.string(), std::strerror(errno)));
}

void remove_unfinished_files(const std::filesystem::path& folder) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem))
    if (const pid_t maker = maker_of(entry.path().filename().string()); maker != 0 && !lives(maker))
      std::filesystem::remove(entry.path(), problem);
}

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  expect_regular(target_);
  static std::atomic<unsigned> counter{0};
  do {
    temporary_ = folder_of(target_) / fmt::format(".{}.{}.{}.tmp", target_.filename().string().substr(0, 200),
                                                  ::getpid(), counter.fetch_add(1));
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ < 0) fail("cannot be created", errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("cannot be flushed", errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail("cannot be closed", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot be renamed into place", errno);
  temporary_.clear();
  // The new name is durable only once its folder is; some file systems refuse, and the file itself is safe then.
  if (const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

void AtomicFile::fail(const char* what, int error) const {
  throw Error(fmt::format("{}: {}: {}", target_.string(), what, std::strerror(error)));
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace llsa::files
