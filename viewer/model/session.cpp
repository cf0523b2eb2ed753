#include "viewer/model/session.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

template <class T>
void read(const json& from, const char* name, T& into) {
  const auto found = from.find(name);
  if (found == from.end()) return;
  try {
    found->get_to(into);
  } catch (const json::exception&) {
    throw Error(fmt::format("\"{}\" is {}, which has the wrong type", name, found->dump()));
  }
}

void read_range(const json& from, const char* name, double low, double high, double& into) {
  read(from, name, into);
  if (!(into >= low && into <= high))
    throw Error(fmt::format("\"{}\" is {}; it must be from {} to {}", name, into, low, high));
}

template <class T>
void read(const json& from, const char* name, std::optional<T>& into) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null()) return;
  read(from, name, into.emplace());
}

template <class T>
void write(json& to, const char* name, const std::optional<T>& value) {
  if (value) to[name] = *value;
}

json colors_json(const ColorChoice& choice) {
  json to = {{"map", choice.map}, {"log", choice.log}};
  write(to, "low", choice.low);
  write(to, "high", choice.high);
  return to;
}

ColorChoice colors_from(const json& from, const ColorChoice& defaults) {
  ColorChoice choice = defaults;
  read(from, "map", choice.map);
  plot::color_map(choice.map);  // throws for an unknown name
  read(from, "log", choice.log);
  read(from, "low", choice.low);
  read(from, "high", choice.high);
  return choice;
}

json hints_json(const LoadHints& hints) {
  json to = {{"in_order", hints.in_order}, {"seed", hints.seed}};
  if (!hints.picture.empty()) to["picture"] = hints.picture.string();
  write(to, "layout", hints.layout);
  write(to, "order", hints.order);
  if (hints.grid) to["grid"] = to_string(*hints.grid);
  if (hints.key_grid) to["key_grid"] = to_string(*hints.key_grid);
  if (hints.picture_size) to["picture_size"] = to_string(*hints.picture_size);
  return to;
}

LoadHints hints_from(const json& from) {
  LoadHints hints;
  read(from, "in_order", hints.in_order);
  read(from, "seed", hints.seed);
  std::string picture;
  read(from, "picture", picture);
  hints.picture = picture;
  read(from, "layout", hints.layout);
  read(from, "order", hints.order);
  const auto grid = [&](const char* name, std::optional<Grid>& into) {
    std::optional<std::string> text;
    read(from, name, text);
    if (text) into = grid_from(*text);
  };
  grid("grid", hints.grid);
  grid("key_grid", hints.key_grid);
  grid("picture_size", hints.picture_size);
  return hints;
}

json places_json(const PanelPlaces& places) {
  json to = json::object();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Box& r = places[i].rect;
    to[std::string(name_of(static_cast<Panel>(i)))] = {{"open", places[i].open}, {"rect", {r.x0, r.y0, r.x1, r.y1}}};
  }
  return to;
}

void read_places(const json& from, PanelPlaces& places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto found = from.find(std::string(name_of(static_cast<Panel>(i))));
    if (found == from.end()) continue;
    read(*found, "open", places[i].open);
    std::array<double, 4> r = {places[i].rect.x0, places[i].rect.y0, places[i].rect.x1, places[i].rect.y1};
    read(*found, "rect", r);
    const bool usable = r[0] >= -1 && r[1] >= 0 && r[2] <= 2 && r[3] <= 2 && r[2] - r[0] >= 0.02 && r[3] - r[1] >= 0.02;
    if (!usable)
      throw Error(fmt::format("\"rect\" of panel {} does not fit the window", name_of(static_cast<Panel>(i))));
    places[i].rect = {r[0], r[1], r[2], r[3]};
  }
}

std::vector<int> levels_in(std::uint64_t bits) {
  std::vector<int> levels;
  for (int level = 1; level <= max_levels; ++level)
    if ((bits >> level & 1) != 0) levels.push_back(level);
  return levels;
}

void read_levels(const json& from, const char* name, std::uint64_t& bits) {
  std::vector<int> levels;
  read(from, name, levels);
  for (const int level : levels) {
    if (level < 1 || level > max_levels)
      throw Error(fmt::format("\"{}\" holds {}; levels are 1 to {}", name, level, max_levels));
    bits |= std::uint64_t{1} << level;
  }
}

json paths_json(const std::vector<std::filesystem::path>& paths) {
  json to = json::array();
  for (const auto& path : paths) to.push_back(path.string());
  return to;
}

std::vector<std::filesystem::path> paths_from(const json& from) {
  const auto paths = from.get<std::vector<std::string>>();
  return {paths.begin(), paths.end()};
}

}  // namespace

json to_json(const ViewState& view) {
  return {{"query_cell", view.query_cell},
          {"level", view.level},
          {"only_level", view.only_level},
          {"hidden_levels", levels_in(view.hidden_levels)},
          {"to_scale", view.to_scale},
          {"weights", std::string(name_of(view.weights))},
          {"weights_opacity", view.weights_opacity},
          {"weight_colors", colors_json(view.weight_colors)},
          {"popularity_colors", colors_json(view.popularity_colors)},
          {"block_colors", colors_json(view.block_colors)},
          {"error_colors", colors_json(view.error_colors)},
          {"block_value", std::string(name_of(view.block_value))},
          {"overview", std::string(name_of(view.overview))},
          {"errors_of_sides", view.errors_of_sides},
          {"compare", view.compare},
          {"side", view.side},
          {"theme", view.theme},
          {"scale", view.scale},
          {"panels", places_json(view.places)}};
}

ViewState view_from(const json& from) {
  ViewState view;
  read(from, "query_cell", view.query_cell);
  read(from, "level", view.level);
  view.level = std::clamp(view.level, 1, max_levels);
  read(from, "only_level", view.only_level);
  read_levels(from, "hidden_levels", view.hidden_levels);
  read(from, "to_scale", view.to_scale);
  std::string weights(name_of(view.weights)), block(name_of(view.block_value));
  read(from, "weights", weights);
  view.weights = weight_kind_from(weights);
  read_range(from, "weights_opacity", 0, 1, view.weights_opacity);
  if (from.contains("weight_colors")) view.weight_colors = colors_from(from["weight_colors"], view.weight_colors);
  if (from.contains("popularity_colors"))
    view.popularity_colors = colors_from(from["popularity_colors"], view.popularity_colors);
  if (from.contains("block_colors")) view.block_colors = colors_from(from["block_colors"], view.block_colors);
  if (from.contains("error_colors")) view.error_colors = colors_from(from["error_colors"], view.error_colors);
  read(from, "block_value", block);
  view.block_value = block == name_of(BlockValue::score) ? BlockValue::score : BlockValue::rank;
  std::string overview(name_of(view.overview));
  read(from, "overview", overview);
  view.overview = overview_value_from(overview);
  read(from, "errors_of_sides", view.errors_of_sides);
  read(from, "compare", view.compare);
  read(from, "side", view.side);
  view.side = view.side == 1 && view.compare ? 1 : 0;
  read(from, "theme", view.theme);
  if (view.theme != "dark" && view.theme != "light")
    throw Error(fmt::format("\"theme\" is \"{}\"; it must be \"dark\" or \"light\"", view.theme));
  read_range(from, "scale", 0.5, 4, view.scale);
  if (from.contains("panels")) read_places(from["panels"], view.places);
  return view;
}

json to_json(const Session& session) {
  json recent = json::array();
  for (const auto& opened : session.recent) recent.push_back(paths_json(opened));
  return {{"version", 1},
          {"files", paths_json(session.files)},
          {"other_files", paths_json(session.other_files)},
          {"theirs", session.theirs.string()},
          {"recent", std::move(recent)},
          {"profile", session.profile.string()},
          {"checkpoint", session.checkpoint.string()},
          {"hints", hints_json(session.hints)},
          {"settings", {to_json(session.settings[0]), to_json(session.settings[1])}},
          {"view", to_json(session.view)}};
}

Session session_from(const json& from) {
  if (!from.is_object() || !from.contains("version")) throw Error("this is not a session of llsa-viewer");
  int version = 0;
  read(from, "version", version);
  if (version != 1) throw Error(fmt::format("\"version\" is {}; this program reads 1", version));
  Session session;
  std::vector<std::string> files;
  std::vector<json> recent;
  std::string profile, checkpoint, theirs;
  read(from, "files", files);
  if (from.contains("other_files")) session.other_files = paths_from(from["other_files"]);
  read(from, "theirs", theirs);
  session.theirs = theirs;
  read(from, "recent", recent);
  for (std::size_t i = 0; i < std::min(most_recent, recent.size()); ++i)
    session.recent.push_back(paths_from(recent[i]));
  session.files.assign(files.begin(), files.end());
  read(from, "profile", profile);
  session.profile = profile;
  read(from, "checkpoint", checkpoint);
  session.checkpoint = checkpoint;
  if (from.contains("hints")) session.hints = hints_from(from["hints"]);
  if (from.contains("settings") && from["settings"].is_array())
    for (std::size_t side = 0; side < std::min<std::size_t>(2, from["settings"].size()); ++side)
      session.settings[side] = settings_from(from["settings"][side]);
  if (from.contains("view")) session.view = view_from(from["view"]);
  return session;
}

std::filesystem::path default_session_path() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config && *config)
    return std::filesystem::path(config) / "llsa-viewer" / "session.json";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::filesystem::path(home) / ".config" / "llsa-viewer" / "session.json";
  return {};
}

void save_session(const std::filesystem::path& path, const Session& session) {
  std::error_code problem;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), problem);
  if (problem) throw Error(fmt::format("{}: {}", path.parent_path().string(), problem.message()));
  files::write_file_atomically(path, to_json(session).dump(1) + "\n");
}

Session load_session(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  std::ifstream in(path, std::ios::binary);
  try {
    return session_from(json::parse(in));
  } catch (const json::exception& error) {
    throw Error(fmt::format("{}: not a session: {}", path.string(), error.what()));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", path.string(), error.what()));
  }
}

}  // namespace llsa::viewer
