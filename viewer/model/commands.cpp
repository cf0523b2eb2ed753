#include "viewer/model/commands.hpp"

#include <algorithm>
#include <array>

#include "viewer/model/attention_steps.hpp"

namespace llsa::viewer {
namespace {

constexpr std::array<KeyHelp, 28> help = {{
    {"click", "choose the query under the cursor"},
    {"arrows", "step the query by one token, with Shift by eight"},
    {"wheel", "zoom to the cursor"},
    {"drag", "pan (any panel with a picture, also with the right button)"},
    {"F", "fit everything into every panel again"},
    {"1 ... 9", "choose the level that block map, popularity and comparison show"},
    {"0", "draw only that level over the picture, or all of them; a click on a level's colour leaves it out"},
    {"H, S", "next head, next set (layer and step of a capture); with Shift the one before"},
    {"B, K", "block size twice as large, one selected block more; with Shift half as large, one less"},
    {"[, ]", "one level less, one level more"},
    {"N", "next method, with Shift the one before"},
    {"comma, dot", "the samples' step before, the step after"},
    {"Ctrl+Z, Ctrl+Y", "undo and redo any setting (also Ctrl+Shift+Z)"},
    {"W", "weights: LLSA, dense, difference"},
    {"L", "weights: linear or logarithmic colours"},
    {"M", "next colour map"},
    {"C", "compare two sides, A and B"},
    {"Space (hold)", "while comparing: show the other side"},
    {"right click", "pin the key token under the cursor, so that it stays highlighted"},
    {"Y, Ctrl+C", "copy the values under the cursor"},
    {"X", "copy the command line that shows this view"},
    {"O", "open a picture, tensors, a checkpoint or a profile by its path (or drop files on the window)"},
    {"E", "export the panels, the selection and its scores"},
    {"P, G, R, V", "show or hide the profile, the samples, the map of errors, the overview"},
    {"T", "dark or light"},
    {"+, -", "larger or smaller text"},
    {"Esc", "close a box, stop long work, let go of a pinned token"},
    {"?, Ctrl+Q", "this list; leave"},
}};

/// The choice that the weights panel shows; the sequential maps in turn.
void next_map(ViewState& view) {
  constexpr std::array<std::string_view, 3> maps = {"viridis", "magma", "cividis"};
  const auto at = std::ranges::find(maps, view.weight_colors.map);
  const auto next = at == maps.end() || at + 1 == maps.end() ? maps.begin() : at + 1;
  for (ColorChoice* choice : {&view.weight_colors, &view.popularity_colors, &view.block_colors, &view.error_colors})
    choice->map = *next;
}

/// Keys that change what is computed or looked at; capitals go the other way.
bool step_attention(char32_t character, Workspace& work) {
  const Scrub& scrub = work.scrub;
  switch (character) {
    case U'h':
    case U'H':
      step_head(work, character == U'h' ? 1 : -1);
      break;
    case U's':
    case U'S':
      step_set(work, character == U's' ? 1 : -1);
      break;
    case U'b':
    case U'B':
      step_block_size(work, character == U'b');
      break;
    case U'k':
    case U'K':
      step_top_k(work, character == U'k' ? 1 : -1);
      break;
    case U'[':
    case U']':
      step_levels(work, character == U']' ? 1 : -1);
      break;
    case U'n':
    case U'N':
      step_method(work, character == U'n' ? 1 : -1);
      break;
    case U',':
    case U'.':
      work.scrub_to(scrub.step + (character == U'.' ? 1 : -1), scrub.layer);
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace

std::span<const KeyHelp> key_help() { return help; }

void toggle_panel(Workspace& workspace, Panel panel) {
  PanelPlaces& places = workspace.view.places;
  places[static_cast<std::size_t>(panel)].open ? close_panel(places, panel) : open_panel(places, panel);
}

void change_scale(Workspace& workspace, Requests& requests, double factor) {
  workspace.view.scale = std::clamp(workspace.view.scale * factor, 0.5, 4.0);
  requests.rescale_fonts = true;
}

void undo(Workspace& work, Requests& requests) {
  requests.rescale_fonts |= work.undo();
  if (!work.history().can_undo() && !work.history().can_redo()) work.report("there is nothing to undo", false);
}

void redo(Workspace& work, Requests& requests) { requests.rescale_fonts |= work.redo(); }

bool type_character(char32_t character, Workspace& work, Requests& requests) {
  if (step_attention(character, work)) return true;
  ViewState& view = work.view;
  if (character >= U'1' && character <= U'9') {
    work.choose_level(static_cast<int>(character - U'0'));
    return true;
  }
  const char32_t key = character >= U'A' && character <= U'Z' ? character - U'A' + U'a' : character;
  switch (key) {
    case U'0':
      view.only_level = !view.only_level;
      break;
    case U'f':
      requests.fit = true;
      break;
    case U'w':
      view.weights = static_cast<WeightKind>((static_cast<int>(view.weights) + 1) % 3);
      break;
    case U'l':
      view.weight_colors.log = !view.weight_colors.log;
      break;
    case U'm':
      next_map(view);
      break;
    case U'c':
      view.compare = !view.compare;
      view.compare ? open_panel(view.places, Panel::compare) : close_panel(view.places, Panel::compare);
      if (!view.compare) view.side = 0;
      break;
    case U'y':
      requests.copy = true;
      break;
    case U'x':
      requests.copy_command = true;
      break;
    case U'o':
      requests.open = true;
      break;
    case U'e':
      requests.save = true;
      break;
    case U'p':
      toggle_panel(work, Panel::profile);
      break;
    case U'g':
      toggle_panel(work, Panel::samples);
      break;
    case U'r':
      toggle_panel(work, Panel::errors);
      break;
    case U'v':
      toggle_panel(work, Panel::overview);
      break;
    case U't':
      view.theme = view.theme == "dark" ? "light" : "dark";
      requests.rescale_fonts = true;
      break;
    case U'+':
    case U'=':
      change_scale(work, requests, 1.125);
      break;
    case U'-':
      change_scale(work, requests, 1 / 1.125);
      break;
    case U'?':
      requests.help = !requests.help;
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace llsa::viewer
