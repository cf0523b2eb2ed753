#include "files/byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "llsa/error.hpp"

namespace llsa::files {
namespace {

class File final : public ByteSource {
 public:
  explicit File(const std::filesystem::path& path) : ByteSource(path.string(), 0) {
    // Without O_NONBLOCK opening a pipe would wait for a writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) fail(fmt::format("cannot be opened: {}", std::strerror(errno)));
    struct stat status;
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);  // the destructor does not run when the constructor throws
      fail("is not a regular file");
    }
    set_size(static_cast<std::uint64_t>(status.st_size));
  }
  ~File() override { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

 private:
  void do_read(std::uint64_t offset, std::span<std::byte> to) const override {
    while (!to.empty()) {
      const ssize_t count = ::pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail(fmt::format("cannot be read at byte {}: {}", offset, std::strerror(errno)));
      if (count == 0) fail(fmt::format("became shorter while it was read, at byte {}", offset));
      offset += static_cast<std::uint64_t>(count);
      to = to.subspan(static_cast<std::size_t>(count));
    }
  }

  int descriptor_ = -1;
};

class Memory final : public ByteSource {
 public:
  Memory(std::span<const std::byte> bytes, std::string name)
      : ByteSource(std::move(name), bytes.size()), bytes_(bytes) {}

 private:
  void do_read(std::uint64_t offset, std::span<std::byte> to) const override {
    std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), to.size()), to.begin());
  }

  std::span<const std::byte> bytes_;
};

}  // namespace

void ByteSource::read(std::uint64_t offset, std::span<std::byte> to) const {
  if (offset > size_ || to.size() > size_ - offset)
    fail(fmt::format("ends at byte {}, within the {} bytes expected at byte {}", size_, to.size(), offset));
  do_read(offset, to);
}

std::vector<std::byte> ByteSource::read(std::uint64_t offset, std::uint64_t count) const {
  if (offset > size_ || count > size_ - offset)
    fail(fmt::format("ends at byte {}, within the {} bytes expected at byte {}", size_, count, offset));
  std::vector<std::byte> bytes;
  try {
    bytes.resize(static_cast<std::size_t>(count));
  } catch (const std::exception&) {  // bad_alloc or length_error
    fail(fmt::format("needs {} bytes of memory, more than there is", count));
  }
  do_read(offset, bytes);
  return bytes;
}

void ByteSource::fail(const std::string& what) const { throw Error(name_ + ": " + what); }

std::unique_ptr<ByteSource> open_file(const std::filesystem::path& path) { return std::make_unique<File>(path); }

std::unique_ptr<ByteSource> view_memory(std::span<const std::byte> bytes, std::string name) {
  return std::make_unique<Memory>(bytes, std::move(name));
}

std::vector<std::byte> read_whole_file(const std::filesystem::path& path, std::uint64_t limit) {
  const auto source = open_file(path);
  if (source->size() > limit)
    source->fail(fmt::format("is {} bytes long; at most {} are allowed", source->size(), limit));
  return source->read(0, source->size());
}

}  // namespace llsa::files
