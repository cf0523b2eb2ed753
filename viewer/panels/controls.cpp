#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "backends/backends.hpp"
#include "viewer/model/attention_steps.hpp"
#include "viewer/model/layout.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

/// The tooltip of the control before.
void hint(const char* text) {
  if (ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) ImGui::SetTooltip("%s", text);
}

constexpr double frames_a_second = 8;

/// A whole number with - and + buttons, kept within its limits; true when it changed.
bool edit_number(Ui& ui, const char* label, std::int64_t& value, std::int64_t low, std::int64_t high) {
  int number = static_cast<int>(value);
  ImGui::SetNextItemWidth(ui.px(104));
  if (!ImGui::InputInt(label, &number, 1, 8)) return false;
  const std::int64_t limited = std::clamp<std::int64_t>(number, low, high);
  const bool changed = limited != value;
  value = limited;
  return changed;
}

template <class Names>
void choose(Ui& ui, const char* label, const Names& names, std::string& value, const char* empty_means = nullptr) {
  ImGui::SetNextItemWidth(ui.px(104));
  if (!ImGui::BeginCombo(label, value.empty() && empty_means ? empty_means : value.c_str())) return;
  if (empty_means && ImGui::Selectable(empty_means, value.empty())) value.clear();
  for (const auto& name : names)
    if (ImGui::Selectable(std::string(name).c_str(), value == name)) value = name;
  ImGui::EndCombo();
}

void edit_levels(Ui& ui, Options& options) {
  ImGui::SetNextItemWidth(ui.px(104));
  const std::string shown =
      options.levels ? (*options.levels == 0 ? "0 (dense)" : std::to_string(*options.levels)) : "automatic";
  const bool open = ImGui::BeginCombo("levels L", shown.c_str());
  if (!open) return hint("L: levels above the fine tokens; automatic takes as many as pay");
  std::optional<std::optional<int>> chosen;
  if (ImGui::Selectable("automatic", !options.levels)) chosen = std::optional<int>();
  for (int levels = 0; levels <= most_levels_offered; ++levels)
    if (ImGui::Selectable(levels == 0 ? "0 (dense)" : std::to_string(levels).c_str(), options.levels == levels))
      chosen = levels;
  ImGui::EndCombo();
  if (chosen) choose_levels(options, *chosen);
}

/// B: the buttons step over powers of two, any number can be typed.
void edit_block_size(Ui& ui, std::int64_t& block_size) {
  int number = static_cast<int>(block_size);
  const float button = ImGui::GetFrameHeight(), gap = ImGui::GetStyle().ItemInnerSpacing.x;
  ImGui::SetNextItemWidth(ui.px(104) - 2 * (button + gap));
  if (ImGui::InputInt("##block size", &number, 0)) block_size = std::clamp<std::int64_t>(number, 2, largest_block_size);
  hint("B: tokens of a block, and of a level that one token of the next level stands for");
  for (const bool up : {false, true}) {
    ImGui::SameLine(0, gap);
    if (ImGui::Button(up ? "+" : "-", {button, button})) block_size = step_block_size(block_size, up);
    hint(up ? "the next power of two (B)" : "the power of two before (Shift+B)");
  }
  ImGui::SameLine(0, gap);
  ImGui::TextUnformatted("block size B");
}

void edit_top_k(Ui& ui, Options& options, int levels) {
  bool each = options.top_k.size() > 1;
  if (levels > 1 && ImGui::Checkbox("K for each level", &each)) {
    options.top_k = std::vector<std::int64_t>(each ? static_cast<std::size_t>(levels) : 1, options.top_k.back());
    if (each) options.levels = levels;
  }
  if (levels > 1) hint("K_1 ... K_L: another number of blocks on every level");
  for (std::size_t i = 0; i < options.top_k.size(); ++i)
    edit_number(ui, options.top_k.size() == 1 ? "top-K" : fmt::format("K of level {}", i + 1).c_str(), options.top_k[i],
                1, largest_top_k);
  hint("K: blocks that a query selects on a level");
}

void edit_enrichment(Ui& ui, Options& options, int levels) {
  ImGui::SetNextItemWidth(ui.px(104));
  const std::string shown = options.enrichment_levels ? std::to_string(*options.enrichment_levels) : "all";
  const bool open = ImGui::BeginCombo("enriched Le", shown.c_str());
  if (!open) return hint("Le: levels whose coarse keys are attended to beside the fine ones");
  if (ImGui::Selectable("all", !options.enrichment_levels)) options.enrichment_levels.reset();
  for (int level = 0; level <= levels; ++level)
    if (ImGui::Selectable(std::to_string(level).c_str(), options.enrichment_levels == level))
      options.enrichment_levels = level;
  ImGui::EndCombo();
}

void edit_coverage(Options& o) {
  bool disjoint = o.coverage == Coverage::disjoint;
  if (ImGui::Checkbox("disjoint coverage", &disjoint))
    o.coverage = disjoint ? Coverage::disjoint : Coverage::overlapping;
  hint("every fine token is represented exactly once: a coarse key that was refined is dropped");
}

/// Whether side A attends as the document was made, and the way back.
void show_made_with(Ui& ui) {
  const AttentionChoice* const made = ui.work.made_with();
  if (!made) return;
  const AttentionChoice& now = ui.work.side(0).settings.how;
  ImGui::PushStyleColor(ImGuiCol_Text, ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled));
  const bool as_made = same(now, *made);
  ImGui::TextWrapped("%s: %s", as_made ? "as it was made" : "changed; it was made with", describe(*made).c_str());
  ImGui::PopStyleColor();
  if (as_made) return;
  if (ImGui::Button("back to that")) ui.work.restore_made_with();
}

void edit_options(Ui& ui, int index) {
  Side& side = ui.work.side(index);
  Options& o = side.settings.how.options;
  const auto& head = side.result().selection;
  const int levels = o.levels ? *o.levels : head ? head->levels() : 1;
  ImGui::PushID(index);
  const std::string& method = side.settings.how.method;
  choose(ui, "method", method_names(), side.settings.how.method);
  hint("LLSA, dense attention (full), or a baseline of the paper");
  if (const std::string_view note = panels_note(method); !note.empty())
    ImGui::TextWrapped("%s", std::string(note).c_str());
  const bool free_levels = method.starts_with("llsa"), coarse_keys = method.starts_with("topk+");
  if (method != "full") edit_block_size(ui, o.block_size);
  if (free_levels) edit_levels(ui, o);
  if (free_levels && o.levels != 0) {
    edit_top_k(ui, o, levels);
    edit_enrichment(ui, o, levels);
    edit_coverage(o);
    ImGui::Checkbox("reweighting", &o.reweight);
    hint("n_l: a coarse key weighs as many tokens as it stands for");
  } else if (!free_levels && method != "full") {
    edit_number(ui, "top-K", o.top_k.front(), 1, largest_top_k);
    hint("K: blocks that a query selects");
    if (coarse_keys) edit_coverage(o);
  }
  constexpr std::array<std::string_view, 3> orders = {"raster", "morton", "hilbert"};
  choose(ui, "token order", orders, side.settings.how.order, "as stored");
  hint("how tokens of the picture follow each other: what lies together in a block");
  if (backend_names().size() > 1) {
    choose(ui, "backend", backend_names(), side.settings.backend);
    hint("the implementation that computes");
  }
  if (!side.problem.empty()) {
    ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(0.92f, 0.36f, 0.3f, 1));
    ImGui::TextWrapped("%s", side.problem.c_str());
    ImGui::PopStyleColor();
  }
  ImGui::PopID();
}

/// Which Q, K, V; the same for both sides, so that they can be compared.
void edit_source(Ui& ui, const Document& document) {
  Settings settings = ui.work.side(0).settings;
  const Shape& shape = document.shape(settings.set);
  text_shortened(document.title);
  ImGui::TextDisabled("%s tokens, %lld x %lld heads, D %lld", to_string(document.query_grid).c_str(),
                      static_cast<long long>(shape.batch), static_cast<long long>(shape.heads),
                      static_cast<long long>(shape.dim));
  if (!document.self_attention()) ImGui::TextDisabled("keys: %s", to_string(document.key_grid).c_str());
  if (document.sets.size() > 1) {
    const auto name = [&](std::size_t i) {
      return document.sets[i].name.empty() ? fmt::format("set {}", i) : document.sets[i].name;
    };
    ImGui::SetNextItemWidth(ui.px(150));
    if (ImGui::BeginCombo("set", name(static_cast<std::size_t>(settings.set)).c_str())) {
      for (std::size_t i = 0; i < document.sets.size(); ++i)
        if (ImGui::Selectable(name(i).c_str(), settings.set == static_cast<int>(i))) settings.set = static_cast<int>(i);
      ImGui::EndCombo();
    }
  }
  if (shape.batch > 1) {
    edit_number(ui, "batch entry", settings.batch, 0, shape.batch - 1);
    hint("which picture or sequence of the batch");
  }
  if (shape.heads > 1) {
    edit_number(ui, "head", settings.head, 0, shape.heads - 1);
    hint("which attention head (H, Shift+H)");
  }
  for (int side = 0; side < 2; ++side) {
    Settings& of = ui.work.side(side).settings;
    of.set = settings.set, of.batch = settings.batch, of.head = settings.head;
    clamp_to(*ui.work.document_of(side), of);
  }
}

void edit_query(Ui& ui, const Document& document) {
  const Grid grid = document.query_grid;
  const std::int64_t area = grid.height * grid.width, cell = std::max<std::int64_t>(0, ui.work.view.query_cell);
  std::int64_t frame = cell / area, x = cell % grid.width, y = cell % area / grid.width;
  bool changed = false;
  if (grid.frames > 1) {
    changed = edit_number(ui, "frame", frame, 0, grid.frames - 1);
    same_line_if_fits(ImGui::CalcTextSize("play").x + ui.px(16));
    if (ImGui::SmallButton(ui.work.scrub.frames ? "stop" : "play")) ui.work.scrub.frames = !ui.work.scrub.frames;
    hint("the query's place in frame after frame, from the first again after the last");
    if (ui.work.scrub.frames && takes_turn(frames_a_second)) {
      ui.work.play_frames_on();
      return;
    }
  }
  changed |= edit_number(ui, "query x", x, 0, grid.width - 1);
  hint("i: the query's column");
  changed |= edit_number(ui, "query y", y, 0, grid.height - 1);
  hint("i: the query's row");
  if (changed) ui.work.choose_query(frame * area + y * grid.width + x);
}

void edit_view(Ui& ui) {
  ViewState& view = ui.work.view;
  const auto& head = ui.work.shown().result().selection;
  if (head && head->levels() > 0) {
    std::int64_t level = ui.work.level();
    if (edit_number(ui, "level shown", level, 1, head->levels())) view.level = static_cast<int>(level);
    hint("l: the level of block map, popular keys and comparison (1 to 9)");
    ImGui::Checkbox("only this level in the overlay", &view.only_level);
    hint("a click on a level's colour above the picture leaves single levels out");
  }
  float opacity = static_cast<float>(view.weights_opacity);
  ImGui::SetNextItemWidth(ui.px(104));
  if (ImGui::SliderFloat("weights' opacity", &opacity, 0, 1, "%.2f"))
    view.weights_opacity = static_cast<double>(opacity);
  hint("how much the weights cover the picture");
  ImGui::TextDisabled("colours of the weights");
  edit_colors(ui, "weights", view.weight_colors, true);
  ImGui::TextDisabled("of popular keys");
  edit_colors(ui, "popularity", view.popularity_colors, false);
  ImGui::TextDisabled("of the block map");
  edit_colors(ui, "blocks", view.block_colors, false);
  ImGui::TextDisabled("of the error map");
  edit_colors(ui, "errors", view.error_colors, true);
}

}  // namespace

void draw_controls(Ui& ui) {
  const auto document = ui.work.document();
  if (!document) return say_why_empty(ui.work.busy() ? "loading ..." : "press O, or drop a file here");
  const auto section = [](const char* title) { return ImGui::CollapsingHeader(title, ImGuiTreeNodeFlags_DefaultOpen); };
  if (section("Source")) edit_source(ui, *document);
  if (section("Query")) edit_query(ui, *document);
  if (section("Attention, side A")) {
    show_made_with(ui);
    edit_options(ui, 0);
  }
  if (section("Compare")) {
    bool compare = ui.work.view.compare;
    if (ImGui::Checkbox("with side B", &compare)) type_character(U'c', ui.work, ui.requests);
    if (ui.work.view.compare) {
      ImGui::SameLine();
      if (ImGui::RadioButton("A", ui.work.view.side == 0)) ui.work.view.side = 0;
      ImGui::SameLine();
      if (ImGui::RadioButton("B shown", ui.work.view.side == 1)) ui.work.view.side = 1;
      if (const auto& other = ui.work.other_document()) {
        text_shortened("B: " + other->title);
        if (ImGui::Button("B shows A's document")) ui.work.close_other();
      }
      edit_options(ui, 1);
    }
    if (!ui.work.other_document()) {
      if (ImGui::Button("another file for B ...")) ui.requests.open_other = true;
      hint("compare two checkpoints' captures, or two models, on the same grid");
    }
  }
  if (section("View")) edit_view(ui);
}

}  // namespace llsa::viewer
