#pragma once

#include <string>
#include <vector>

namespace llsa::ptx {

/// The PTX texts in what nvcc registers for a translation unit. The layout is not documented: a wrapper with a magic
/// number and a pointer, behind it a header, then images, each with a kind (1 is PTX), its own header's and its
/// contents' bytes. Throws `Error` when it is anything else or the texts are compressed.
std::vector<std::string> ptx_images(const void* wrapper);

}  // namespace llsa::ptx
