#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace llsa::demo {

/// A capture and the picture that the model expected then.
struct CaptureFiles {
  std::filesystem::path tensors, picture;
};

/// Files that hold what attention saw inside a model.
struct ModelCaptures {
  std::vector<std::filesystem::path> tensors;  ///< one a layer, as `read_capture` and llsa-viewer take them
  std::filesystem::path picture;               ///< the picture that the model made meanwhile
  /// Three steps (rows, the first the earliest) x three layers of the picture while it was formed; empty for captures
  /// of somebody else.
  std::vector<CaptureFiles> forming;
};

/// Lets a trained model make one picture in 20 steps, and writes Q, K and V of three of its layers (the second, the
/// middle, the last) at a quarter, half and three quarters of the way into `folder`, which is made if missing;
/// `tensors` are those at half. `label` says what is drawn; a model without classes takes none. `progress` is told what
/// begins. Throws `Error` for a file that is no checkpoint and for a label that the model does not have, before
/// anything is written; `Cancelled` soon after `stop` is requested.
ModelCaptures capture_model(const std::filesystem::path& checkpoint, std::int32_t label,
                            const std::filesystem::path& folder, int threads, std::stop_token stop,
                            const std::function<void(const std::string&)>& progress);

}  // namespace llsa::demo
