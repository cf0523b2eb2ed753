#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "datasets/pixel_projection.hpp"

namespace llsa::demo {

struct DemoOptions {
  std::filesystem::path output = "out/demo";
  std::filesystem::path image = {};  ///< empty: a procedural landscape
  int size = 256;                    ///< 8 to 1024
  datasets::ProjectionOptions projection = {};
  std::int64_t top_k = 8;
  std::vector<datasets::Pixel> queries = {};         ///< empty: three that differ
  std::vector<std::filesystem::path> captures = {};  ///< of a trained model, see demo/capture.hpp
  std::filesystem::path capture_picture = {};        ///< what their tokens lie on; given with them or not at all
  std::filesystem::path checkpoint = {};             ///< a trained model to capture; instead of captures
  std::int32_t label = 0;                            ///< what it draws
  int threads = 0;
  std::string backend = "reference";
};

/// "ROW,COLUMN". Throws `Error` for anything else.
datasets::Pixel parse_pixel(const std::string& text);

/// Does it all: makes tokens of the picture, runs every method, writes pictures and report into `output` (created if
/// missing; each file appears complete or not at all). `print` gets lines of progress, then the tables.
/// Throws `Error` before any work for options that are out of range, a picture that cannot be read, or a folder that
/// cannot be made; `Cancelled` soon after `stop` is requested.
void run_demo(const DemoOptions& options, std::stop_token stop, const std::function<void(const std::string&)>& print);

}  // namespace llsa::demo
