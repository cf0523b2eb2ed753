#pragma once

#include <filesystem>

#include "plot/canvas.hpp"
#include "plot/line_chart.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// Whether `draw_figure` knows the panel: overlay, weights, popularity, blocks, pyramid, errors, compare and profile.
bool has_figure(Panel panel);

/// A panel as a figure of its own, by the drawing code that the project's other pictures use: for SVG and PNG files.
/// Extents in points. Throws `Error` when there is nothing to draw yet or the panel has no figure.
plot::Canvas draw_figure(Panel panel, const Workspace& workspace, double width = 900, double height = 760);

/// The profile's scaling curves on log axes: totals of every method, or the stages of one group.
plot::LineChart profile_chart(const Profile& profile, const std::string& group = {});

/// The level's colour in every panel and figure. Level 0 are the fine keys.
plot::Rgb level_color(int level);

/// The picture of a batch entry as its grid is laid out, one pixel a cell; white between frames, grey without a
/// picture.
files::Image grid_picture(const Document& document, std::int64_t batch, const GridLayout& layout);

}  // namespace llsa::viewer
