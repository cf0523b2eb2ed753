#pragma once

#include <optional>
#include <string>
#include <vector>

#include "viewer/model/geometry.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// What is written without a window, each when its path is not empty.
struct Targets {
  std::string screenshot, figure, selection, head, page, record, benchmark;  ///< paths
  std::string record_over = "steps";                                         ///< of `recordings`
  std::optional<std::int64_t> set, batch, head_index, level;  ///< as given on the command line; must exist
  std::optional<Panel> panel;  ///< alone in the screenshot, and the one of the figure (selected blocks when empty)
  std::optional<std::vector<std::int64_t>> query;  ///< column, row, perhaps frame
  std::optional<AttentionPlace> inspect;           ///< of what the session's checkpoint generates
  std::optional<std::int64_t> inspect_everywhere;  ///< all layers of that picture
  std::optional<Point> cursor;                     ///< of the screenshot, in points
  int width = 1280, height = 800;                  ///< of the screenshot, in points
  double scale = 1;                                ///< pixels a point
  int benchmark_frames = 80;                       ///< of every kind of action
  bool exact_error = false;

  bool empty() const {
    return screenshot.empty() && figure.empty() && selection.empty() && head.empty() && page.empty() &&
           record.empty() && benchmark.empty();
  }
};

/// Puts the query at column, row and frame. Throws `Error` when the document has no such token.
void choose_query_at(Workspace& workspace, const std::vector<std::int64_t>& query);

/// Throws `Error` naming the option when the document has no such set, batch entry or head, or the head no such level:
/// a session's numbers are moved to the nearest there are, those that somebody typed are not.
void require_chosen(const Workspace& workspace, const Targets& targets);

/// Opens the session's document (the built-in picture without files), computes everything, writes the targets.
/// Throws `Error` with what is wrong; a question for metadata becomes an error that names the options that answer it.
void write_targets(const Session& session, const Targets& targets, int threads);

}  // namespace llsa::viewer
