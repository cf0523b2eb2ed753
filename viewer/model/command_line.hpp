#pragma once

#include <string>

#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// The command that shows side A of the workspace as it is now: files with what was said about them, set, batch entry,
/// head, query, every option of attention, and how it is shown. Words that a shell would take apart are quoted. Without
/// a document: the program's name alone.
std::string command_line(const Workspace& workspace);

}  // namespace llsa::viewer
