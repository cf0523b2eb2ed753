#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/pixel_projection.hpp"
#include "demo/methods.hpp"
#include "files/image.hpp"

namespace llsa::demo {

/// What attention saw inside a trained model, and the picture that its tokens lie on.
struct Capture {
  std::string name;              ///< "layer 3, step 10 of 20 (time 0.5)"
  datasets::PixelTokens tokens;  ///< `[1, heads, tokens, dim]`
  TokenOrder order;
  files::Image picture;
  Options options;  ///< LLSA in the sizes that the model was trained with
};

/// Reads q, k, v `[1, heads, tokens, dim]` with metadata `grid` and `order` (docs/file-formats.md), as
/// `llsa-diffusion capture` writes them, and a picture with one pixel for each token. Throws `Error` that begins with
/// the path for a file that is not so.
Capture read_capture(const std::filesystem::path& tensors, const std::filesystem::path& picture);

/// A capture under dense attention (first), the model's own LLSA, the same in the other coverage, and top-K blocks
/// alone with about as many keys, and where LLSA does worst.
struct CaptureResult {
  const Capture* capture = nullptr;
  std::vector<MethodResult> results = {};
  std::int64_t head = 0;       ///< with the largest relative error of the model's own LLSA
  datasets::Pixel query = {};  ///< of that head's outputs the one that is farthest from dense attention's
};
inline constexpr std::size_t captured_llsa = 1, captured_other_coverage = 2, captured_blocks_only = 3;

CaptureResult compare_methods(const Capture& capture, Attention<float>& attention, ThreadPool& threads,
                              const std::function<void(const std::string&)>& progress);

}  // namespace llsa::demo
