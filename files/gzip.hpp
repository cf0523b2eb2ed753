#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "files/byte_source.hpp"

namespace llsa::files {

bool looks_like_gzip(const ByteSource& source);

/// The content of a gzip file of one or more members, at most `limit` bytes. Throws `Error` when it is larger, damaged
/// (checksum, length) or cut off, and when something follows.
std::vector<std::byte> gunzip(const ByteSource& source, std::uint64_t limit);

}  // namespace llsa::files
