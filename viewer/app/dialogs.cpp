#include "viewer/app/dialogs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "viewer/model/export.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/model/layout.hpp"
#include "viewer/model/page.hpp"
#include "viewer/panels/panels.hpp"

namespace llsa::viewer {
namespace {

constexpr ImGuiWindowFlags box_flags =
    ImGuiWindowFlags_AlwaysAutoResize | ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings;

void begin_box(Ui& ui, const char* title, bool* open, float width) {
  const ImVec2 display = ImGui::GetIO().DisplaySize;
  width = std::min(ui.px(width), display.x - ui.px(20));
  ImGui::SetNextWindowPos({display.x / 2, display.y * 0.38f}, ImGuiCond_Appearing, {0.5f, 0.5f});
  ImGui::SetNextWindowSizeConstraints({width, 0}, {width, display.y - ui.px(40)});
  ImGui::Begin(title, open, box_flags);
}

void red_text(const std::string& text) {
  if (text.empty()) return;
  ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(0.92f, 0.36f, 0.3f, 1));
  ImGui::TextWrapped("%s", text.c_str());
  ImGui::PopStyleColor();
}

/// Paths between blanks; a blank inside a path is written in double quotes.
std::vector<std::filesystem::path> paths_in(const char* text) {
  std::vector<std::filesystem::path> paths;
  std::string word;
  bool quoted = false;
  for (const char* c = text; *c; ++c) {
    if (*c == '"')
      quoted = !quoted;
    else if (*c == ' ' && !quoted) {
      if (!word.empty()) paths.emplace_back(word);
      word.clear();
    } else
      word += *c;
  }
  if (!word.empty()) paths.emplace_back(word);
  return paths;
}

struct Target {
  const char* name;
  const char* file;
};
/// What can be exported, with a file name to begin with. The figures follow by panel.
constexpr std::array<Target, 5> data_targets = {{{"this query's selection (.json, .csv)", "selection.json"},
                                                 {"the whole head's selection (.csv)", "head.csv"},
                                                 {"the window as it is (.png)", "window.png"},
                                                 {"a page to share: many queries (.html)", "attention.html"},
                                                 {"figure: selected blocks (.svg, .png)", "overlay.svg"}}};
constexpr std::array<Panel, 6> more_figures = {Panel::weights,    Panel::pyramid, Panel::blocks,
                                               Panel::popularity, Panel::compare, Panel::profile};

std::string target_name(int what) {
  if (what < static_cast<int>(data_targets.size())) return data_targets[static_cast<std::size_t>(what)].name;
  std::string title = title_of(more_figures[static_cast<std::size_t>(what) - data_targets.size()]);
  title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(title[0])));
  return fmt::format("figure: {} (.svg, .png)", title);
}

std::string target_file(int what) {
  if (what < static_cast<int>(data_targets.size())) return data_targets[static_cast<std::size_t>(what)].file;
  return std::string(name_of(more_figures[static_cast<std::size_t>(what) - data_targets.size()])) + ".svg";
}

constexpr int target_count = static_cast<int>(data_targets.size() + more_figures.size());

}  // namespace

bool Dialogs::close_any() {
  for (bool* each : {&save_, &open_, &asking_})
    if (*each) {
      *each = false;
      return true;
    }
  return false;
}

std::string Dialogs::take_picture_request() { return std::exchange(picture_request_, {}); }

void Dialogs::draw(Ui& ui) {
  if (ui.requests.open || ui.requests.open_other || ui.requests.save) {
    for_side_b_ = ui.requests.open_other;
    open_ = ui.requests.open || for_side_b_;
    save_ = ui.requests.save;
    focus_ = true;
    problem_.clear();
    if (save_ && !std::strlen(path_.data())) fmt::format_to_n(path_.data(), path_.size() - 1, "{}", target_file(what_));
    if (open_) path_.fill(0);
  }
  ui.requests.open = ui.requests.open_other = ui.requests.save = false;
  if (open_) draw_open(ui);
  if (save_) draw_save(ui);
  if (ui.work.question)
    draw_question(ui);
  else
    asking_ = false;
  if (ui.requests.help) draw_help(ui);
}

void Dialogs::draw_open(Ui& ui) {
  begin_box(ui, "Open", &open_, 560);
  ImGui::TextWrapped("%s", for_side_b_
                               ? "For side B: a picture, or Q, K, V, on the same grid as side A:"
                               : "A picture (.png, .jpg), Q, K, V (.safetensors, or three .npy files), a checkpoint of "
                                 "llsa-diffusion, a profile (.json), or what a kernel wrote for the open Q, K, V:");
  if (focus_) ImGui::SetKeyboardFocusHere();
  focus_ = false;
  ImGui::SetNextItemWidth(-1);
  const bool entered = ImGui::InputText("##path", path_.data(), path_.size(), ImGuiInputTextFlags_EnterReturnsTrue);
  ImGui::TextDisabled("a blank inside a path: write the path in \"quotes\". Files can also be dropped on the window.");
  if (ImGui::Button("Open") || entered) {
    const auto files = paths_in(path_.data());
    if (!files.empty()) {
      for_side_b_ ? ui.work.open_other(files) : ui.work.drop(files);
      open_ = false;
    }
  }
  ImGui::SameLine();
  if (ImGui::Button("Cancel")) open_ = false;
  ImGui::End();
}

void Dialogs::draw_question(Ui& ui) {
  const MetadataNeeded& q = *ui.work.question;
  if (!asking_) {
    layout_ = -1;
    order_ = -1;
    grid_.fill(0);
    key_grid_.fill(0);
    problem_.clear();
  }
  asking_ = true;
  bool keep = true;
  begin_box(ui, "How are the tokens to be read?", &keep, 520);
  ImGui::TextWrapped("%s. Q has the shape %s.", q.what(), files::describe_shape(q.stored_shape).c_str());
  const auto layouts = layouts_of_rank(q.stored_shape.size());
  if (q.layout) {
    ImGui::TextUnformatted("axes (b batch, h heads, n tokens, d dim):");
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      ImGui::SameLine();
      ImGui::RadioButton(layouts[i].c_str(), &layout_, static_cast<int>(i));
    }
  }
  const auto ask_grid = [&](const char* what, std::array<char, 64>& text, std::int64_t tokens) {
    ImGui::SetNextItemWidth(ui.px(150));
    ImGui::InputText(what, text.data(), text.size());
    if (tokens == 0) return;
    ImGui::TextDisabled("%lld tokens, for example", static_cast<long long>(tokens));
    const auto grids = grids_of(tokens);
    for (std::size_t i = 0; i < std::min<std::size_t>(4, grids.size()); ++i) {
      ImGui::SameLine();
      if (ImGui::SmallButton((to_string(grids[i]) + "##" + what).c_str())) {
        text.fill(0);
        to_string(grids[i]).copy(text.data(), text.size() - 1);
      }
    }
  };
  if (q.grid) ask_grid("grid (HxW, or TxHxW)", grid_, q.query_tokens);
  if (q.key_grid) ask_grid("grid of the keys", key_grid_, q.key_tokens);
  if (q.order) {
    ImGui::TextUnformatted("order of the tokens:");
    int i = 0;
    for (const char* name : {"raster", "morton", "hilbert"}) {
      ImGui::SameLine();
      ImGui::RadioButton(name, &order_, i++);
    }
  }
  red_text(problem_);
  if (ui.work.message_is_error) red_text(ui.work.message);
  if (ImGui::Button("Read")) {
    try {
      LoadHints hints = ui.work.asked_hints();
      if (q.layout && layout_ >= 0) hints.layout = layouts[static_cast<std::size_t>(layout_)];
      if (q.order && order_ >= 0)
        hints.order = std::array{"raster", "morton", "hilbert"}[static_cast<std::size_t>(order_)];
      if (q.grid && grid_[0]) hints.grid = grid_from(grid_.data());
      if (q.key_grid && key_grid_[0]) hints.key_grid = grid_from(key_grid_.data());
      problem_.clear();
      ui.work.answer(hints);
    } catch (const Error& error) {
      problem_ = error.what();
    }
  }
  ImGui::SameLine();
  if (ImGui::Button("Cancel")) keep = false;
  ImGui::End();
  if (!keep) ui.work.question.reset();
}

void Dialogs::draw_save(Ui& ui) {
  begin_box(ui, "Export", &save_, 520);
  ImGui::SetNextItemWidth(-1);
  if (ImGui::BeginCombo("##what", target_name(what_).c_str(), ImGuiComboFlags_HeightLargest)) {
    for (int i = 0; i < target_count; ++i)
      if (ImGui::Selectable(target_name(i).c_str(), i == what_)) {
        what_ = i;
        path_.fill(0);
        target_file(i).copy(path_.data(), path_.size() - 1);
      }
    ImGui::EndCombo();
  }
  if (focus_) ImGui::SetKeyboardFocusHere();
  focus_ = false;
  ImGui::SetNextItemWidth(-1);
  const bool entered = ImGui::InputText("##file", path_.data(), path_.size(), ImGuiInputTextFlags_EnterReturnsTrue);
  red_text(problem_);
  if (ImGui::Button("Write") || entered) save(ui);
  ImGui::SameLine();
  if (ImGui::Button("Cancel")) save_ = false;
  ImGui::End();
}

void Dialogs::save(Ui& ui) {
  const std::filesystem::path path(path_.data());
  try {
    const QueryView* query = ui.work.query();
    ui.work.expect_not_open(path);
    if (what_ < 2 && !query) throw Error("nothing is computed yet");
    if (what_ == 0)
      export_selection(path, *ui.work.document(), *query);
    else if (what_ == 1)
      export_head(path, *query->head);
    else if (what_ == 2) {
      if (path.extension() != ".png") throw Error(path.string() + ": the window is written as .png");
      picture_request_ = path.string();
    } else if (what_ == 3) {
      export_page(path, ui.work);
    } else {
      const Panel panel =
          what_ == 4 ? Panel::overlay : more_figures[static_cast<std::size_t>(what_) - data_targets.size()];
      draw_figure(panel, ui.work).save(path, 2);
    }
    if (what_ != 2) ui.work.report("wrote " + path.string(), false);
    save_ = false;
  } catch (const Error& error) {
    problem_ = error.what();
  }
}

void Dialogs::draw_help(Ui& ui) {
  begin_box(ui, "Keys", &ui.requests.help, 560);
  if (ImGui::BeginTable("keys", 2, ImGuiTableFlags_RowBg)) {
    ImGui::TableSetupColumn("key", ImGuiTableColumnFlags_WidthFixed, ui.px(110));
    ImGui::TableSetupColumn("what", ImGuiTableColumnFlags_WidthStretch);
    for (const KeyHelp& line : key_help()) {
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      ImGui::PushFont(ui.bold);
      ImGui::TextUnformatted(line.keys.data(), line.keys.data() + line.keys.size());
      ImGui::PopFont();
      ImGui::TableNextColumn();
      ImGui::PushTextWrapPos(0);
      ImGui::TextUnformatted(line.what.data(), line.what.data() + line.what.size());
      ImGui::PopTextWrapPos();
    }
    ImGui::EndTable();
  }
  ImGui::End();
}

}  // namespace llsa::viewer
