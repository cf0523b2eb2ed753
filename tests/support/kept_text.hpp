#pragma once

#include <string>

namespace llsa::room {

/// Holds a text against the one that is kept in tests/kept/NAME.txt. Returns an empty string when they are the same,
/// else the first line that differs, both ways, and how to keep the new text: with LLSA_KEEP=1 in the environment it is
/// written there, and looked at before it is committed.
std::string differs_from_kept(const std::string& name, const std::string& text);

}  // namespace llsa::room
