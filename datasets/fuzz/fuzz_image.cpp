#include "datasets/fuzz/fuzz.hpp"
#include "datasets/image.hpp"

using namespace llsa::datasets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](auto file, const auto& name) {
    const Image image = parse_image(file, name);
    if (image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
      std::abort();
  });
}
