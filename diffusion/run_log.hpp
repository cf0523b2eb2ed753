#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

namespace llsa::diffusion {

/// One line of a run's log, `log.jsonl`.
struct LogEntry {
  std::int64_t step = 0;
  double loss = 0, gradient_norm = 0, learning_rate = 0;
  double seconds = 0;  ///< wall time of the step
  double tokens_per_second = 0;
  std::optional<double> validation_loss;  ///< where it was measured
};

/// Appends to the log of a run. Resuming drops what is newer than the state (and a line a kill cut off), so that the
/// log reads as if nothing had happened.
class RunLog {
 public:
  /// Keeps the entries up to `last_step` of an existing file. Throws `Error` when the file cannot be written.
  RunLog(std::filesystem::path path, std::int64_t last_step);

  void append(const LogEntry& entry);
  const std::vector<LogEntry>& entries() const { return entries_; }

 private:
  std::filesystem::path path_;
  std::vector<LogEntry> entries_;
  std::ofstream file_;
};

/// The entries of a log, oldest first; none for a file that is not there. Lines that cannot be read are passed over.
std::vector<LogEntry> read_log(const std::filesystem::path& path);

/// Training loss (thin: every entry; thick: its mean over about 1% of the steps) and validation loss against steps,
/// PNG.
void plot_losses(const std::filesystem::path& path, const std::vector<LogEntry>& entries);

}  // namespace llsa::diffusion
