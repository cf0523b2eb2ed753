#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// What a key asks of the window itself; the window clears each flag when it has done it.
struct Requests {
  bool fit = false, help = false, open = false, open_other = false, save = false, copy = false, copy_command = false,
       rescale_fonts = false, quit = false;
};

/// Back or forward one step of the settings; says so where there is none.
void undo(Workspace& workspace, Requests& requests);
void redo(Workspace& workspace, Requests& requests);

/// A line of the list of keys.
struct KeyHelp {
  std::string_view keys, what;
};
std::span<const KeyHelp> key_help();

/// Does what a typed character means; false when it means nothing.
bool type_character(char32_t character, Workspace& workspace, Requests& requests);

/// Shows or hides a panel.
void toggle_panel(Workspace& workspace, Panel panel);
/// Text and control size, in steps, within what a session accepts.
void change_scale(Workspace& workspace, Requests& requests, double factor);

}  // namespace llsa::viewer
