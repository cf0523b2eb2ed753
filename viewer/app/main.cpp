#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "backends/backends.hpp"
#include "program/attention_options.hpp"
#include "program/command_files.hpp"
#include "program/interrupt.hpp"
#include "program/list_option.hpp"
#include "program/program.hpp"
#include "viewer/app/record.hpp"
#include "viewer/app/window.hpp"
#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

/// At most `most` whole numbers between commas.
std::vector<std::int64_t> numbers_in(const std::string& option, const std::string& text, std::size_t most) {
  std::vector<std::int64_t> numbers = program::list_of<std::int64_t>(option, text);
  if (numbers.size() > most)
    throw Error(fmt::format("{} is '{}'; at most {} numbers are expected", option, text, most));
  return numbers;
}

struct Arguments {
  std::vector<std::string> files;
  std::string q, k, v, layout, grid, key_grid, stored_order, picture_size, picture;
  std::optional<std::uint64_t> seed;
  std::string query, panel, weights, theme, size = "1280x800", cursor, inspect;
  std::string backend, profile, session, theirs;
  std::vector<std::string> against;
  program::AttentionArguments how;
  std::optional<std::int64_t> batch, head, set, level;
  bool compare = false, exact = false, no_session = false;
  std::optional<double> pixel_scale;
  int threads = 0;
  Targets targets;
};

void add_options(CLI::App& app, Arguments& a) {
  app.add_option("files", a.files,
                 "a picture, a .safetensors file of Q, K, V, three .npy files, a checkpoint, or a profile (.json)");
  app.add_option("--q", a.q, "Q from this file (with --k and --v)");
  app.add_option("--k", a.k, "K from this file");
  app.add_option("--v", a.v, "V from this file");
  app.add_option("--layout", a.layout,
                 "axes of the tensors when the file does not say (default: bhnd for four axes, nd for two): bhnd, "
                 "bnhd, hnd, nhd, bnd, nd");
  app.add_option("--grid", a.grid, "how the tokens lie: HxW or TxHxW");
  app.add_option("--key-grid", a.key_grid, "the same for the keys of cross-attention");
  app.add_option("--stored-order", a.stored_order, "the order of the tokens in the file: raster, morton, hilbert");
  app.add_option("--picture-size", a.picture_size,
                 "tokens that a picture becomes, HxW (default: its own size, at most 256 a side)");
  app.add_option("--picture", a.picture, "a picture to put behind Q, K, V");
  app.add_option("--seed", a.seed, "of the built-in picture and of the projection of pictures");
  app.add_option("--set", a.set, "which Q, K, V of the file, from 0")->check(CLI::NonNegativeNumber);
  app.add_option("--batch", a.batch, "batch entry, from 0")->check(CLI::NonNegativeNumber);
  app.add_option("--head", a.head, "head, from 0")->check(CLI::NonNegativeNumber);
  // No --scale of the scores here yet: until the next release that is the old name of --pixel-scale.
  program::add_attention_options(app, a.how, {.order = true, .scale = false});
  app.add_option("--backend", a.backend, "implementation for side A");
  app.add_option("--against", a.against, "another file for side B, on the same grid");
  app.add_option("--theirs", a.theirs, "what a kernel wrote for these Q, K, V: judged as llsa-compare verify does");
  app.add_flag("--compare", a.compare, "compare with side B (dense attention unless the session says otherwise)");
  app.add_option("--profile", a.profile, "JSON of llsa-compare profile");
  app.add_option("--query", a.query, "the query's column and row (and frame): X,Y[,T]");
  app.add_option("--level", a.level, "level that block map and popularity show");
  app.add_option("--weights", a.weights, "llsa, dense or difference");
  app.add_option("--theme", a.theme, "dark or light");
  app.add_option("--threads", a.threads, "0 takes every core");
  app.add_option("--session", a.session, "keep the session in this file");
  app.add_flag("--no-session", a.no_session, "neither restore nor keep a session");
  app.add_option("--size", a.size, "window or picture, in points: WxH");
  app.add_option("--pixel-scale", a.pixel_scale, "pixels a point, 0.5 to 4; in a window on top of the display's")
      ->check(CLI::Range(0.5, 4.0));
  app.add_option("--screenshot", a.targets.screenshot, "draw without a window into this .png and leave");
  app.add_option("--panel", a.panel, "that panel alone in --screenshot; the one that --figure writes");
  app.add_option("--cursor", a.cursor, "where the mouse is in --screenshot, in points: X,Y");
  app.add_option("--inspect", a.inspect,
                 "attention of what a checkpoint generates: PICTURE,LAYER,STEP, from 0, or PICTURE for all layers");
  app.add_option("--record", a.targets.record, "record into an animated .png, or pictures into a folder, and leave");
  app.add_option("--record-over", a.targets.record_over,
                 fmt::format("what changes from picture to picture: {}", fmt::join(recordings(), ", ")))
      ->capture_default_str();
  app.add_option("--benchmark", a.targets.benchmark,
                 "write how long frames of a played person take (.json), and leave");
  app.add_option("--figure", a.targets.figure, "write the panel as a figure (.svg or .png) and leave");
  app.add_option("--export", a.targets.selection, "write the query's selection (.json or .csv) and leave");
  app.add_option("--export-head", a.targets.head, "write the whole head's selection (.csv) and leave");
  app.add_option("--page", a.targets.page, "write one page (.html) to share: many queries of the view, and leave");
  app.add_flag("--exact-error", a.exact, "compare every query with dense attention before writing");
}

LoadHints hints_of(const Arguments& a, const LoadHints& from_session) {
  LoadHints hints = from_session;
  if (!a.layout.empty()) hints.layout = layout_from(a.layout);
  if (!a.grid.empty()) hints.grid = grid_from(a.grid);
  if (!a.key_grid.empty()) hints.key_grid = grid_from(a.key_grid);
  if (!a.stored_order.empty()) hints.order = a.stored_order;
  if (!a.picture_size.empty()) hints.picture_size = grid_from(a.picture_size);
  if (!a.picture.empty()) hints.picture = a.picture;
  if (a.seed) hints.seed = *a.seed;
  hints.in_order = hints.in_order || !a.q.empty();
  return hints;
}

void apply_options(const Arguments& a, Settings& settings) {
  if (a.set) settings.set = static_cast<int>(*a.set);
  if (a.batch) settings.batch = *a.batch;
  if (a.head) settings.head = *a.head;
  if (a.how.method) check_method(*a.how.method);
  if (const auto levels = a.how.levels.value_or(std::nullopt); levels && (*levels < 0 || *levels > max_levels))
    throw Error(fmt::format("--levels is {}; it must be auto or 0 to {}", *levels, max_levels));
  program::lay_over(a.how, settings.how);
  if (!a.backend.empty()) {
    ThreadPool one(1);
    make_attention<float>(a.backend, one);  // throws for an unknown one
    settings.backend = a.backend;
  }
}

struct Size {
  int width = 0, height = 0;
};

Size window_size(const Arguments& a) {
  constexpr std::int64_t most = 16384;
  std::optional<Grid> sides;
  try {
    sides = grid_from(a.size);
  } catch (const Error&) {
  }
  if (!sides || sides->frames != 1 || sides->height > most || sides->width > most)
    throw Error(fmt::format("--size is '{}'; it must be WxH, each 1 to {}", a.size, most));
  return {static_cast<int>(sides->height), static_cast<int>(sides->width)};
}

/// The session to start from: the kept one, changed by what the arguments say.
Session start_session(const Arguments& a, const std::filesystem::path& file, bool interactive, std::string& message) {
  Session session;
  if (!file.empty()) {
    try {
      session = load_session(file);
    } catch (const Error& error) {
      if (!interactive || !a.session.empty()) throw;  // a file that somebody named is not replaced by a session
      message = error.what();                         // a broken session must not keep the window shut
    }
  }
  std::vector<std::filesystem::path> files(a.files.begin(), a.files.end());
  if (!a.q.empty() || !a.k.empty() || !a.v.empty()) {
    if (a.q.empty() || a.k.empty() || a.v.empty() || !files.empty())
      throw Error("--q, --k and --v go together, without other files");
    files = {a.q, a.k, a.v};
  }
  if (!files.empty()) session.named_anew = a.how;
  if (files.size() == 1 && files[0].extension() == ".json") {
    session.profile = files[0];
    files.clear();
  } else if (files.size() == 1 && is_checkpoint(files[0])) {
    session.checkpoint = files[0];
    open_panel(session.view.places, Panel::samples);
  } else if (!files.empty()) {
    session.files = files;
    session.hints = {};
    session.other_files.clear();
    session.theirs.clear();
  }
  if (!a.profile.empty()) session.profile = a.profile;
  if (!a.against.empty()) session.other_files.assign(a.against.begin(), a.against.end());
  if (!a.theirs.empty()) session.theirs = a.theirs;
  session.hints = hints_of(a, session.hints);
  apply_options(a, session.settings[0]);
  ViewState& view = session.view;
  if (a.level) view.level = static_cast<int>(std::clamp<std::int64_t>(*a.level, 1, max_levels));
  if (!a.weights.empty()) view.weights = weight_kind_from(a.weights);
  if (!a.theme.empty() && a.theme != "dark" && a.theme != "light")
    throw Error("theme is '" + a.theme + "'; it must be dark or light");
  if (!a.theme.empty()) view.theme = a.theme;
  if (a.compare) {
    view.compare = true;
    open_panel(view.places, Panel::compare);
  }
  return session;
}

/// Nothing that is opened is written over, the session's own file excepted.
void expect_free_places(const Arguments& a, const Session& session, const std::filesystem::path& session_file,
                        bool interactive) {
  program::CommandFiles paths;
  for (const auto& file : session.files) paths.reads("the document", file);
  paths.reads("--picture", session.hints.picture);
  for (const auto& file : session.other_files) paths.reads("--against", file);
  paths.reads("--theirs", session.theirs);
  paths.reads("--profile", session.profile);
  paths.reads("the checkpoint", session.checkpoint);
  if (interactive) {
    const auto is_session = [&](std::string_view name) { return name == session_file.filename().string(); };
    if (!session_file.empty())
      paths.writes_into("--session", session_file.has_parent_path() ? session_file.parent_path() : ".", is_session);
  } else {
    paths.reads("--session", session_file);
  }
  paths.writes("--screenshot", a.targets.screenshot);
  paths.writes("--figure", a.targets.figure);
  paths.writes("--benchmark", a.targets.benchmark);
  if (std::filesystem::path(a.targets.record).extension() == ".png")
    paths.writes("--record", a.targets.record);
  else if (!a.targets.record.empty())
    paths.writes_into("--record", a.targets.record, [](std::string_view name) { return name.ends_with(".png"); });
  paths.writes("--export", a.targets.selection);
  paths.writes("--export-head", a.targets.head);
  paths.writes("--page", a.targets.page);
  paths.check();
}

int view(Arguments& a) {
  const bool interactive = a.targets.empty();
  // A window that is asked to end keeps its session; what works without one has nothing to keep.
  std::optional<program::Interrupt> interrupt;
  if (interactive) interrupt.emplace();
  const std::filesystem::path session_file = !a.session.empty()             ? std::filesystem::path(a.session)
                                             : interactive && !a.no_session ? default_session_path()
                                                                            : std::filesystem::path();
  std::string message;
  Session session = start_session(a, session_file, interactive, message);
  if (interactive && a.pixel_scale) session.view.scale = *a.pixel_scale;
  expect_free_places(a, session, session_file, interactive);
  const Size size = window_size(a);
  a.targets.set = a.set;
  a.targets.batch = a.batch;
  a.targets.head_index = a.head;
  a.targets.level = a.level;
  std::optional<std::vector<std::int64_t>> query;
  if (!a.query.empty()) query = numbers_in("--query", a.query, 3);
  if (query && query->size() < 2) throw Error("--query is '" + a.query + "'; it must be X,Y or X,Y,T");
  if (!a.inspect.empty()) {
    const auto at = numbers_in("--inspect", a.inspect, 3);
    if ((at.size() != 1 && at.size() != 3) || at[0] < 0)
      throw Error("--inspect is '" + a.inspect + "'; it must be PICTURE,LAYER,STEP, or PICTURE for all layers");
    if (at.size() == 3)
      a.targets.inspect = AttentionPlace{at[0], at[1], at[2]};
    else
      a.targets.inspect_everywhere = at[0];
  }
  if (interactive) {
    const WindowStart start{session, session_file, a.threads, size.width, size.height, query, message, a.targets};
    run_window(start, interrupt->token());
    return interrupt->token().stop_requested() ? program::exit_interrupted : program::exit_done;
  }
  if (!a.panel.empty()) a.targets.panel = panel_from(a.panel);
  if (!a.cursor.empty()) {
    const auto at = numbers_in("--cursor", a.cursor, 2);
    if (at.size() != 2) throw Error("--cursor is '" + a.cursor + "'; it must be X,Y");
    a.targets.cursor = Point{static_cast<double>(at[0]), static_cast<double>(at[1])};
  }
  a.targets.width = size.width;
  a.targets.height = size.height;
  a.targets.scale = a.pixel_scale.value_or(1);
  a.targets.exact_error = a.exact;
  a.targets.query = query;
  write_targets(session, a.targets, a.threads);
  return program::exit_done;
}

int run(int argc, char** argv) {
  CLI::App app("See what every level of Log-linear Sparse Attention selects.", "llsa-viewer");
  Arguments a;
  add_options(app, a);
  return program::run(app, argc, argv, [&] { return view(a); }, {.old_spellings = {{"--scale", "--pixel-scale"}}});
}

}  // namespace
}  // namespace llsa::viewer

int main(int argc, char** argv) { return llsa::viewer::run(argc, argv); }
