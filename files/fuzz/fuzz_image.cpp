#include "files/apng.hpp"
#include "files/fuzz/fuzz.hpp"
#include "files/image.hpp"

using namespace llsa::files;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](auto file, const auto& name) {
    const Image image = parse_image(file, name);
    if (image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
      std::abort();
    for (const Image& frame : parse_frames(file, name))
      if (frame.width != image.width || frame.height != image.height) std::abort();
  });
}
