#include <fmt/format.h>

#include <cmath>

#include "plot/ticks.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

/// A name and a value in two columns; hovering explains, Y copies.
void row(Ui& ui, const char* name, const std::string& value, const char* meaning) {
  ImGui::TableNextRow();
  ImGui::TableNextColumn();
  ImGui::TextUnformatted(name);
  bool hovered = ImGui::IsItemHovered();
  ImGui::TableNextColumn();
  ImGui::PushFont(ui.bold);
  ImGui::TextUnformatted(value.c_str());
  ImGui::PopFont();
  hovered |= ImGui::IsItemHovered();
  if (!hovered) return;
  ui.under_cursor = std::string(name) + " " + value;
  const ImVec2 a = ImGui::GetItemRectMin(), b = ImGui::GetItemRectMax();
  begin_tooltip_beside(ui, {ImGui::GetWindowPos().x, a.y, ImGui::GetWindowPos().x + ImGui::GetWindowWidth(), b.y});
  ImGui::PushTextWrapPos(ui.px(280));
  ImGui::TextUnformatted(meaning);
  ImGui::PopTextWrapPos();
  ImGui::EndTooltip();
}

std::string number(double value, int digits = 3) { return plot::format_value(value, digits); }
std::string percent(double value) { return std::isfinite(value) ? fmt::format("{:.2f}%", 100 * value) : number(value); }

bool begin_rows(Ui& ui, const char* id) {
  if (!ImGui::BeginTable(id, 2, ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp)) return false;
  ImGui::TableSetupColumn("name", ImGuiTableColumnFlags_WidthStretch);
  ImGui::TableSetupColumn("value", ImGuiTableColumnFlags_WidthFixed, ui.px(68));
  return true;
}

void query_rows(Ui& ui, const QueryView& q) {
  if (!begin_rows(ui, "query")) return;
  const std::int64_t all = q.head->options.key.tokens();
  row(ui, "keys touched", fmt::format("{}", q.keys.size()),
      "the size of the query's key set, fine and coarse keys together");
  row(ui, "of them fine", fmt::format("{}", q.fine_keys), "keys that stand for one token");
  row(ui, "of all keys", fmt::format("{}", all), "what dense attention touches");
  row(ui, "sparsity", percent(q.sparsity), "1 - keys touched / all keys");
  row(ui, "mass on fine keys", percent(q.mass_held), "the dense attention weight that the touched fine keys hold");
  row(ui, "weights shared", percent(q.shared_mass),
      "sum over all keys of the smaller of the LLSA and the dense weight: 100% when both are the same");
  row(ui, "output error", number(q.output_error), "|O - O dense| / |O dense| of this query");
  row(ui, "LSE", number(q.lse, 5), "natural logarithm of the softmax' denominator");
  row(ui, "LSE - dense", number(q.lse - q.dense_lse), "against dense attention");
  ImGui::EndTable();
}

void head_rows(Ui& ui, const HeadError& e) {
  if (!begin_rows(ui, "head")) return;
  row(ui, "output error", number(e.relative_l2), "|O - O dense| / |O dense| over all compared queries");
  row(ui, "largest LSE gap", number(e.lse_error), "the largest |LSE - LSE dense|");
  row(ui, "mass on fine keys", percent(e.mass_held), "mean over the compared queries");
  row(ui, "keys a query", number(e.keys_per_query, 4), "mean size of the key sets");
  row(ui, "queries compared", fmt::format("{}", e.queries), "evenly spread over the sequence when not all");
  ImGui::EndTable();
}

}  // namespace

void draw_numbers(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  ImGui::PushFont(ui.bold);
  ImGui::TextUnformatted(("query " + cell_name(ui.work.document()->query_grid, ui.work.view.query_cell)).c_str());
  ImGui::PopFont();
  if (const std::string_view note = panels_note(query->head->settings.how.method); !note.empty())
    ImGui::TextWrapped("%s", std::string(note).c_str());
  query_rows(ui, *query);
  ImGui::Spacing();
  const HeadError* error = ui.work.shown().result().error.get();
  ImGui::PushFont(ui.bold);
  ImGui::TextUnformatted(!error ? "whole head" : error->exact ? "whole head, every query" : "whole head, a sample");
  ImGui::PopFont();
  const HeadResult& result = ui.work.shown().result();
  if (error)
    head_rows(ui, *error);
  else
    ImGui::TextDisabled(ui.work.shown().busy() ? "computing ..." : "not computed");
  say_not_finite(ui, result);
  if (!(error && error->exact) && result.outputs && !ui.work.shown().busy() && ImGui::Button("compare every query"))
    ui.work.shown().request_exact_error();
}

}  // namespace llsa::viewer
