#include "files/foreign_format.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace llsa::files {
namespace {

struct Kind {
  std::size_t offset;
  std::string_view magic;
  const char* what;
};

constexpr std::array kinds{
    Kind{0, "\x1f\x8b", "is compressed with gzip; decompress it first"},
    Kind{0, "\x89HDF\r\n", "is an HDF5 file; save the arrays with numpy.save or safetensors"},
    Kind{0, "\x80\x02",
         "is a Python pickle (an old .pt, or CIFAR's python version); save the tensors with "
         "safetensors.torch.save_file, or take the data set's binary version"},
    Kind{0, "\x80\x03", "is a Python pickle; save the tensors with safetensors.torch.save_file"},
    Kind{0, "\x80\x04", "is a Python pickle; save the tensors with safetensors.torch.save_file"},
    Kind{0, "\x80\x05", "is a Python pickle; save the tensors with safetensors.torch.save_file"},
    Kind{8, "WEBP", "is a WebP picture; save it as PNG or JPEG"},
    Kind{0, "GIF8", "is a GIF picture; save it as PNG or JPEG"},
    Kind{0, "II*", "is a TIFF picture; save it as PNG or JPEG"},
    Kind{0, std::string_view("MM\0*", 4), "is a TIFF picture; save it as PNG or JPEG"},
    Kind{4, "ftypavif", "is an AVIF picture; save it as PNG or JPEG"},
    Kind{4, "ftypheic", "is a HEIC picture; save it as PNG or JPEG"},
};

/// A ZIP archive by the name of its first member, which follows a header of 30 bytes.
const char* zip_kind(std::string_view start) {
  constexpr std::size_t name_at = 30;
  const std::string_view rest = start.substr(std::min(start.size(), name_at));
  if (rest.find(".npy") != std::string_view::npos)
    return "is a .npz archive; save each array with numpy.save, or all of them with safetensors.numpy.save_file";
  if (rest.find("data.pkl") != std::string_view::npos || rest.find("/.format_version") != std::string_view::npos)
    return "is a .pt file of PyTorch; save the tensors with safetensors.torch.save_file";
  return "is a ZIP archive; unpack it first";
}

}  // namespace

void refuse_foreign(const ByteSource& source) {
  const auto size = std::min<std::uint64_t>(source.size(), 128);
  const std::vector<std::byte> bytes = source.read(0, size);
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.starts_with("PK\3\4")) source.fail(zip_kind(start));
  for (const Kind& kind : kinds)
    if (start.size() >= kind.offset && start.substr(kind.offset).starts_with(kind.magic)) source.fail(kind.what);
}

}  // namespace llsa::files
