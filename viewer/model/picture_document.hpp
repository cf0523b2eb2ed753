#pragma once

#include "viewer/model/document.hpp"

namespace llsa::viewer {

/// Q, K and V of a picture's pixels by the projection that the demo documents, in Morton order (a head is reordered
/// when its settings ask). `file` empty takes the built-in picture. The picture is resized to `hints.picture_size`,
/// else shrunk so that its longer side has 256 pixels at most. Throws `Error` with the path.
Document picture_document(const std::filesystem::path& file, const LoadHints& hints);

}  // namespace llsa::viewer
