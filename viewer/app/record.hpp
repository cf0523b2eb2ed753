#pragma once

#include <filesystem>

#include "viewer/app/screenshot.hpp"

namespace llsa::viewer {

/// What changes from picture to picture: "steps" of what a checkpoint generates, "sets" (layers and steps of a
/// capture), "heads", "frames" of a video, "columns" of the query's row, or "top-k" from 1 to the one that is set.
std::vector<std::string> recordings();

/// Draws the window, or the panel of `targets`, once for each, and writes an animated PNG where the path of
/// `targets.record` ends in .png, else pictures `0000.png`, `0001.png`, ... into that folder. Throws `Error` when there
/// is nothing of the kind to go through.
void write_recording(Workspace& workspace, const Targets& targets);

}  // namespace llsa::viewer
