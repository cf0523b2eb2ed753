#include "cuda/ptx/runtime/fat_binary.hpp"

#include <cstdint>
#include <cstring>

#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

struct Wrapper {
  std::uint32_t magic, version;
  const unsigned char* data;
  const void* unused;
};
struct Header {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t bytes;  ///< behind the header
};
struct ImageHeader {
  std::uint16_t kind, version;
  std::uint32_t header_bytes;
  std::uint64_t bytes;
};

}  // namespace

std::vector<std::string> ptx_images(const void* address) {
  Wrapper wrapper;
  std::memcpy(&wrapper, address, sizeof wrapper);
  if (wrapper.magic != 0x466243b1u) throw Error("what was registered is not a fat binary of nvcc");
  Header header;
  std::memcpy(&header, wrapper.data, sizeof header);
  if (header.magic != 0xba55ed50u) throw Error("the registered fat binary has an unknown header");
  std::vector<std::string> texts;
  const unsigned char* at = wrapper.data + header.header_bytes;
  const unsigned char* const end = at + header.bytes;
  while (at < end) {
    ImageHeader image;
    std::memcpy(&image, at, sizeof image);
    if (image.header_bytes == 0) throw Error("the registered fat binary has an image without a header");
    if (image.kind == 1) {
      std::string text(reinterpret_cast<const char*>(at + image.header_bytes), image.bytes);
      while (!text.empty() && text.back() == '\0') text.pop_back();
      if (text.find(".version") == std::string::npos)
        throw Error("the registered PTX is compressed; compile with --no-compress");
      texts.push_back(std::move(text));
    }
    at += image.header_bytes + image.bytes;
  }
  return texts;
}

}  // namespace llsa::ptx
