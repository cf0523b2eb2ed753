#include <cstddef>

#include "files/atomic_file.hpp"
#include "files/image.hpp"
#include "llsa/error.hpp"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace llsa::files {

std::vector<std::byte> encode_png(const Image& image) {
  if (image.width < 1 || image.height < 1 ||
      image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
    throw Error("a picture's extents do not belong to its pixels");
  std::vector<std::byte> file;
  const auto append = [](void* to, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(to)->insert(static_cast<std::vector<std::byte>*>(to)->end(), bytes,
                                                     bytes + size);
  };
  if (!stbi_write_png_to_func(append, &file, image.width, image.height, 3, image.rgb.data(), image.width * 3))
    throw Error("a picture cannot be encoded as PNG: out of memory");
  return file;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace llsa::files
