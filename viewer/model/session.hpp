#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "program/attention_options.hpp"
#include "viewer/model/block_map.hpp"
#include "viewer/model/document.hpp"
#include "viewer/model/heat_map.hpp"
#include "viewer/model/overview.hpp"
#include "viewer/model/panel_places.hpp"
#include "viewer/model/query_view.hpp"
#include "viewer/model/settings.hpp"

namespace llsa::viewer {

/// How results are shown; nothing here changes what is computed.
struct ViewState {
  std::int64_t query_cell = -1;     ///< raster index on the query grid; -1 before anything was chosen
  int level = 1;                    ///< the level that block map, popularity and comparison show
  bool only_level = false;          ///< the overlay shows that level alone
  std::uint64_t hidden_levels = 0;  ///< bit l: the overlay leaves level l out
  bool to_scale = false;            ///< pyramid
  WeightKind weights = WeightKind::llsa;
  double weights_opacity = 0.85;  ///< of the heat map over the picture
  ColorChoice weight_colors{.map = "viridis", .log = true, .low = {}, .high = {}}, popularity_colors, block_colors,
      error_colors{.map = "magma", .log = false, .low = {}, .high = {}};
  BlockValue block_value = BlockValue::rank;
  OverviewValue overview = OverviewValue::weights;
  bool errors_of_sides = false;  ///< while comparing, the map of errors is that of A against B
  bool compare = false;          ///< side B is computed too
  int side = 0;                  ///< the side that panels show: 0 is A
  std::string theme = "dark";    ///< or "light"
  double scale = 1;              ///< of text and controls, on top of the display's own
  PanelPlaces places = default_places();

  bool hides(int l) const { return (hidden_levels >> l & 1) != 0; }
  void toggle_level(int l) { hidden_levels ^= std::uint64_t{1} << l; }
};

/// What is kept from one run to the next.
struct Session {
  Session() { settings[1].how.options.levels = 0; }  // B starts as dense attention: the comparison asked for most

  std::vector<std::filesystem::path> files;
  std::filesystem::path profile, checkpoint;
  LoadHints hints;
  std::vector<std::filesystem::path> other_files;          ///< of side B, where it has a document of its own
  std::filesystem::path theirs;                            ///< what a kernel wrote for the document
  std::vector<std::vector<std::filesystem::path>> recent;  ///< what was opened, the newest first
  std::array<Settings, 2> settings;
  ViewState view;
  /// Not kept. When present the files were named anew: they are shown with the attention that they were made with,
  /// where they say it, and this over it. Otherwise `settings` are what the files were last shown with.
  std::optional<program::AttentionArguments> named_anew;
};

/// How many openings a session remembers.
inline constexpr std::size_t most_recent = 10;

/// All of a view, as a session keeps it. `view_from` inverts it: missing fields keep their default; throws `Error`
/// naming a field of the wrong type or out of range.
nlohmann::json to_json(const ViewState& view);
ViewState view_from(const nlohmann::json& json);

nlohmann::json to_json(const Session& session);
/// Missing fields keep their default. Throws `Error` naming a field of the wrong type or out of range.
Session session_from(const nlohmann::json& json);

/// `$XDG_CONFIG_HOME/llsa-viewer/session.json`, else below `~/.config`; empty when neither variable is set.
std::filesystem::path default_session_path();
/// Creates the folder; complete or not at all. Throws `Error` with the path.
void save_session(const std::filesystem::path& path, const Session& session);
/// A default session when there is no such file. Throws `Error` with the path when it cannot be read as one.
Session load_session(const std::filesystem::path& path);

}  // namespace llsa::viewer
