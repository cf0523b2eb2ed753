#pragma once

#include "files/byte_source.hpp"

namespace llsa::files {

/// Throws `Error`, one line with what the file is and what to do, when it begins like a kind of file that people have
/// and that is not read here: .npz, PyTorch's .pt, a Python pickle, HDF5, WebP, GIF, BMP, TIFF, HEIC, AVIF, gzip. For
/// any other file nothing happens. To be asked only about a file that does not begin as those that are read: the length
/// in front of a .safetensors header can be any of these.
void refuse_foreign(const ByteSource& source);

}  // namespace llsa::files
