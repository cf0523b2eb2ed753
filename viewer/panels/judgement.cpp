#include <fmt/format.h>

#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

ImVec4 color_of(const std::string& verdict) {
  if (verdict == "right") return {0.25f, 0.68f, 0.42f, 1};
  if (verdict == "wrong") return {0.92f, 0.36f, 0.3f, 1};
  return ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled);
}

std::string name_of_place(const Finding::Place& place) {
  return fmt::format("batch entry {}, head {}, {} {}", place.batch, place.head,
                     place.of_key ? "key token" : "query token", place.token);
}

void draw_finding(Ui& ui, const Finding& finding) {
  ImGui::TableNextRow();
  ImGui::TableNextColumn();
  if (ImGui::Selectable(finding.tensor.c_str(), false, ImGuiSelectableFlags_SpanAllColumns) && finding.place)
    ui.work.go_to_finding(finding);
  if (ImGui::IsItemHovered()) {
    std::string text = finding.text;
    for (const std::string& detail : finding.details) text += "\n" + detail;
    if (finding.place) text += "\n\nclick: " + name_of_place(*finding.place);
    ui.under_cursor = finding.tensor + ": " + text;
    ImGui::BeginTooltip();
    ImGui::PushTextWrapPos(ui.px(460));
    ImGui::TextUnformatted(text.c_str());
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
  }
  ImGui::TableNextColumn();
  ImGui::TextColored(color_of(finding.verdict), "%s", finding.verdict.c_str());
  ImGui::TableNextColumn();
  text_shortened(finding.text);
}

}  // namespace

void draw_judgement(Ui& ui) {
  const Judgement& judgement = ui.work.judgement();
  if (!judgement.problem.empty()) {
    ImGui::PushStyleColor(ImGuiCol_Text, color_of("wrong"));
    ImGui::TextWrapped("%s", judgement.problem.c_str());
    ImGui::PopStyleColor();
  }
  if (judgement.conclusion().empty())
    return say_why_empty(
        judgement.progress().busy
            ? judgement.progress().stage.c_str()
            : "open what a kernel wrote for these Q, K, V: .safetensors with any of o, lse, dq, dk, dv, "
              "indices_1 ...");
  ImGui::TextColored(color_of(judgement.conclusion()), "%s: %s", judgement.file().filename().string().c_str(),
                     judgement.conclusion().c_str());
  if (!ImGui::BeginTable("findings", 3, ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY)) return;
  ImGui::TableSetupColumn("tensor", ImGuiTableColumnFlags_WidthFixed, ui.px(66));
  ImGui::TableSetupColumn("verdict", ImGuiTableColumnFlags_WidthFixed, ui.px(76));
  ImGui::TableSetupColumn("what", ImGuiTableColumnFlags_WidthStretch);
  for (const Finding& finding : judgement.findings()) draw_finding(ui, finding);
  ImGui::EndTable();
}

}  // namespace llsa::viewer
