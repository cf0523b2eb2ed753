#pragma once

#include <filesystem>

#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// Plays a person for some hundred frames without a display: hovers over the picture, steps, drags and zooms, changes
/// level, head and K, while work goes on in the background. Writes JSON: for every kind of action the milliseconds of
/// its `frames` frames (mean, median, 95th percentile, worst), for all of them also without what OpenGL takes, the
/// size, and the document. A frame's time is that of the program alone, drawing included; nothing waits for a display.
/// Throws `Error` without OpenGL 3.3 or a document.
void write_frame_times(Workspace& workspace, int width, int height, double scale, int frames,
                       const std::filesystem::path& path);

}  // namespace llsa::viewer
