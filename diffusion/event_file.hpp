#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "diffusion/run_log.hpp"
#include "files/image.hpp"

namespace llsa::diffusion {

/// A file of events that TensorBoard reads: records with a masked CRC-32C around `tensorflow.Event` messages. Every
/// start of a run has a file of its own; TensorBoard joins those of a folder, and drops what an earlier file says of
/// steps that this one begins before.
class EventFile {
 public:
  /// Makes `events.out.tfevents.SECONDS.NUMBER.llsa` in the folder, which is created if missing. `first_step` is the
  /// step that comes first. Throws `Error` when the file cannot be written.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);

  /// Loss, gradient norm, learning rate, tokens a second and, where it was measured, the validation loss.
  void append(const LogEntry& entry);
  /// A picture, as PNG.
  void append(std::int64_t step, std::string_view tag, const files::Image& picture);

  const std::filesystem::path& path() const { return path_; }

 private:
  void write_event(std::string_view fields);

  std::filesystem::path path_;
  std::ofstream file_;
};

/// CRC-32C (Castagnoli), as in iSCSI; not masked.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace llsa::diffusion
