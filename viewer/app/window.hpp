#pragma once

#include <filesystem>
#include <stop_token>

#include "viewer/app/screenshot.hpp"
#include "viewer/model/session.hpp"

namespace llsa::viewer {

/// How the interactive program starts.
struct WindowStart {
  Session session;                     ///< its files are opened, the built-in picture when there are none
  std::filesystem::path session_file;  ///< where the session goes when the window closes; empty to keep none
  int threads = 0;
  int width = 1280, height = 800;                  ///< in points
  std::optional<std::vector<std::int64_t>> query;  ///< column, row, perhaps frame; chosen when the document is there
  std::string message;                             ///< shown first, for example why a session was not restored
  Targets chosen = {};  ///< its set, batch, head and level were typed: the window says when there is none
};

/// Runs until the window is closed, or soon after `stop` is requested; then keeps the session. Throws `Error` when
/// there is no display or no OpenGL 3.3.
void run_window(const WindowStart& start, std::stop_token stop);

}  // namespace llsa::viewer
