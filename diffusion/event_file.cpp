#include "diffusion/event_file.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "files/make_folder.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

// Protocol buffers, as far as events need them. Field numbers are those of TensorFlow's event.proto and summary.proto.

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes.push_back(static_cast<char>(value | 128));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

enum WireType { wire_varint = 0, wire_64 = 1, wire_bytes = 2, wire_32 = 5 };
std::string key(int field, WireType type) { return varint(static_cast<std::uint64_t>(field << 3 | type)); }

std::string integer_field(int field, std::int64_t value) {
  return key(field, wire_varint) + varint(static_cast<std::uint64_t>(value));
}
std::string double_field(int field, double value) {
  return key(field, wire_64) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(int field, double value) {
  return key(field, wire_32) + little_endian(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
}
std::string bytes_field(int field, std::string_view bytes) {
  return key(field, wire_bytes) + varint(bytes.size()) + std::string(bytes);
}

/// `Event.summary` with one value: `content` beside its tag.
std::string summary_field(std::string_view tag, const std::string& content) {
  return bytes_field(5, bytes_field(1, bytes_field(1, tag) + content));
}
std::string scalar(std::string_view tag, double value) { return summary_field(tag, float_field(2, value)); }
std::string step_field(std::int64_t step) { return integer_field(2, step); }

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? c >> 1 ^ 0x82f63b78u : c >> 1;
    table[i] = c;
  }
  return table;
}

/// As records hold it, so that the CRC of what holds CRCs is not weak.
std::string masked_crc(std::string_view bytes) { return little_endian(std::rotr(crc32c(bytes), 15) + 0xa282ead8u); }

/// A name that no file of the folder has yet.
std::filesystem::path free_path(const std::filesystem::path& folder) {
  for (int number = 0;; ++number) {
    const std::filesystem::path path =
        folder / fmt::format("events.out.tfevents.{:010d}.{}.llsa", static_cast<std::int64_t>(now()), number);
    if (!std::filesystem::exists(path)) return path;
  }
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = crc_table();
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 255] ^ crc >> 8;
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t first_step) {
  files::make_folder(folder);
  path_ = free_path(folder);
  file_.open(path_, std::ios::binary);
  write_event(bytes_field(3, "brain.Event:2"));
  constexpr int session_start = 1;
  write_event(step_field(first_step) + bytes_field(7, integer_field(1, session_start)));
}

void EventFile::append(const LogEntry& entry) {
  const std::string step = step_field(entry.step);
  write_event(step + scalar("loss/training", entry.loss));
  if (entry.validation_loss) write_event(step + scalar("loss/validation", *entry.validation_loss));
  write_event(step + scalar("optimizer/gradient_norm", entry.gradient_norm));
  write_event(step + scalar("optimizer/learning_rate", entry.learning_rate));
  write_event(step + scalar("tokens_per_second", entry.tokens_per_second));
}

void EventFile::append(std::int64_t step, std::string_view tag, const files::Image& picture) {
  constexpr int rgb = 3;
  const std::vector<std::byte> png = files::encode_png(picture);
  const std::string image = integer_field(1, picture.height) + integer_field(2, picture.width) + integer_field(3, rgb) +
                            bytes_field(4, {reinterpret_cast<const char*>(png.data()), png.size()});
  write_event(step_field(step) + summary_field(tag, bytes_field(4, image)));
}

void EventFile::write_event(std::string_view fields) {
  const std::string event = double_field(1, now()) + std::string(fields);
  const std::string length = little_endian(std::uint64_t{event.size()});
  errno = 0;
  file_ << length << masked_crc(length) << event << masked_crc(event) << std::flush;
  if (!file_)
    throw Error(fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno != 0 ? errno : EIO)));
}

}  // namespace llsa::diffusion
