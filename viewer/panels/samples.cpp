#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

constexpr int most_pictures = 64, most_steps = 200;

void edit_options(Ui& ui, Sampling& sampling) {
  const diffusion::ModelConfig& config = sampling.model()->config;
  const auto number = [&](const char* label, auto& value, int low, int high) {
    if (&value != static_cast<void*>(&sampling.options.count))
      same_line_if_fits(ui.px(100) + ImGui::CalcTextSize(label).x);
    int edited = static_cast<int>(value);
    ImGui::SetNextItemWidth(ui.px(96));
    if (ImGui::InputInt(label, &edited))
      value = static_cast<std::decay_t<decltype(value)>>(std::clamp(edited, low, high));
  };
  number("pictures", sampling.options.count, 1, most_pictures);
  number("steps", sampling.options.steps, 1, most_steps);
  number("seed", sampling.options.seed, 0, 1 << 30);
  if (config.classes > 0) {
    same_line_if_fits(ui.px(100) + ImGui::CalcTextSize("guidance").x);
    double guidance = sampling.options.guidance;
    ImGui::SetNextItemWidth(ui.px(96));
    if (ImGui::InputDouble("guidance", &guidance, 0.5, 1, "%.2f") && std::isfinite(guidance))
      sampling.options.guidance = std::clamp(guidance, 0.0, 50.0);
  }
  same_line_if_fits(ImGui::CalcTextSize("generate").x + ui.px(16));
  if (ImGui::Button("generate")) {
    sampling.options.labels.clear();
    sampling.generate();
  }
}

/// While playing, the next step eight times a second.
void play(Ui& ui, Scrub& scrub) {
  constexpr double steps_a_second = 8;
  if (scrub.playing && takes_turn(steps_a_second)) ui.work.play_on();
}

/// Which frame of videos is shown.
void edit_frame(Ui& ui, std::int64_t frames) {
  Scrub& scrub = ui.work.scrub;
  if (frames == 1) return;
  constexpr double frames_a_second = 8;
  if (scrub.frames && takes_turn(frames_a_second)) ui.work.play_frames_on();
  scrub.frame = std::clamp(scrub.frame, 0, static_cast<int>(frames) - 1);
  same_line_if_fits(ui.px(160) + ImGui::CalcTextSize("frame stop").x);
  ImGui::SetNextItemWidth(ui.px(96));
  if (ImGui::SliderInt("frame", &scrub.frame, 0, static_cast<int>(frames) - 1)) scrub.frames = false;
  ImGui::SameLine();
  if (ImGui::SmallButton(scrub.frames ? "stop##frames" : "play##frames")) scrub.frames = !scrub.frames;
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("frame after frame, from the first again after the last");
}

void edit_scrub(Ui& ui, const Samples& samples) {
  Scrub& scrub = ui.work.scrub;
  const int last = static_cast<int>(samples.steps.size()) - 1;
  play(ui, scrub);
  scrub.step = scrub.follow && !scrub.playing ? last : std::clamp(scrub.step, 0, last);
  if (ImGui::Button(scrub.playing ? "stop" : "play", {ui.px(46), 0})) scrub.playing = !scrub.playing;
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("step after step, from the first again after the last");
  ImGui::SameLine();
  int step = scrub.step, layer = scrub.layer;
  ImGui::SetNextItemWidth(ImGui::GetContentRegionAvail().x * 0.4f);
  bool moved = ImGui::SliderInt("step", &step, 0, last);
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("comma and dot step, too; the attention that is looked at follows");
  same_line_if_fits(ui.px(100) + ImGui::CalcTextSize("layer").x);
  ImGui::SetNextItemWidth(ui.px(96));
  moved |= ImGui::InputInt("layer", &layer);
  if (moved) {
    scrub.playing = false;
    ui.work.scrub_to(step, layer);
  }
  edit_frame(ui, samples.config.extent.frames);
  same_line_if_fits(box_width("expected"));
  ImGui::Checkbox("expected", &scrub.expected);
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("the picture that the model expects at this step, without the noise");
  if (ui.work.inspected() && !ui.work.sampling().progress().busy) {
    same_line_if_fits(ImGui::CalcTextSize("all layers").x + ui.px(16));
    if (ImGui::Button("all layers")) ui.work.inspect_everywhere(ui.work.inspected()->sample);
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("every layer and head of this picture at three steps, side by side");
  }
}

/// Pictures as large as they fit; a click captures the attention behind one.
void draw_grid(Ui& ui) {
  const Scrub& shown = ui.work.scrub;
  const Sampling& sampling = ui.work.sampling();
  const Samples& samples = sampling.samples();
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float gap = ui.px(4);
  const auto count = static_cast<int>(samples.options.count);
  const files::PictureExtent& extent = samples.config.extent;
  const auto longer = static_cast<float>(std::max(extent.width, extent.height));
  const ImVec2 shape{static_cast<float>(extent.width) / longer, static_cast<float>(extent.height) / longer};
  int columns = 1;
  float side = 0;  // the longer one
  for (int c = 1; c <= count; ++c) {
    const int rows = (count + c - 1) / c;
    const float fits =
        std::min((room.x / static_cast<float>(c) - gap) / shape.x, (room.y / static_cast<float>(rows) - gap) / shape.y);
    if (fits > side) side = fits, columns = c;
  }
  side = std::max(side, ui.px(16));
  const float wide = side * shape.x, high = side * shape.y;
  const ImVec2 from = ImGui::GetCursorScreenPos();
  for (int i = 0; i < count; ++i) {
    const ImVec2 at{from.x + static_cast<float>(i % columns) * (wide + gap),
                    from.y + static_cast<float>(i / columns) * (high + gap)};
    const Texture& texture =
        ui.textures.get(fmt::format("sample {}", i),
                        fmt::format("{} {} {} {} {}", sampling.revision(), shown.step, samples.steps.size(),
                                    shown.expected, shown.frame),
                        [&] {
                          const auto step = static_cast<std::size_t>(shown.step);
                          return picture_pixels(shown.expected ? sampling.expected_picture(i, step, shown.frame)
                                                               : sampling.picture(i, step, shown.frame));
                        });
    ImGui::SetCursorScreenPos(at);
    if (ImGui::InvisibleButton(fmt::format("sample {}", i).c_str(), {wide, high}))
      ui.work.inspect({i, shown.layer, std::min<std::int64_t>(shown.step, samples.options.steps - 1)});
    ImDrawList& list = *ImGui::GetWindowDrawList();
    list.AddImage(texture.id(), at, {at.x + wide, at.y + high});
    const bool hovered = ImGui::IsItemHovered(), is_inspected = ui.work.inspected() && ui.work.inspected()->sample == i;
    if (hovered || is_inspected)
      list.AddRect(at, {at.x + wide, at.y + high}, ImGui::GetColorU32(hovered ? ImGuiCol_Text : ImGuiCol_ButtonHovered),
                   0, 0, ui.px(2));
    if (!hovered) continue;
    const std::int32_t label =
        samples.config.classes > 0
            ? diffusion::sample_labels(samples.options, samples.config)[static_cast<std::size_t>(i)]
            : -1;
    begin_tooltip_beside(ui, {at.x, at.y, at.x + wide, at.y + high});
    ImGui::Text("picture %d%s", i, label >= 0 ? fmt::format(", label {}", label).c_str() : "");
    ImGui::Text("click: attention of layer %d at step %d", shown.layer,
                static_cast<int>(std::min<std::int64_t>(shown.step, samples.options.steps - 1)));
    ImGui::EndTooltip();
  }
}

}  // namespace

void draw_samples(Ui& ui) {
  Sampling& sampling = ui.work.sampling();
  if (!sampling.problem.empty()) {
    ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(0.92f, 0.36f, 0.3f, 1));
    ImGui::TextWrapped("%s", sampling.problem.c_str());
    ImGui::PopStyleColor();
  }
  if (!sampling.model())
    return say_why_empty(sampling.progress().busy ? "loading ..."
                                                  : "open a checkpoint of llsa-diffusion to see what it generates");
  const diffusion::ModelConfig& config = sampling.model()->config;
  ImGui::TextDisabled("%s: %s, %lld layers, %lld heads, %s attention, %lld training steps",
                      sampling.checkpoint().filename().string().c_str(), files::describe(config.extent).c_str(),
                      static_cast<long long>(config.layers), static_cast<long long>(config.heads),
                      config.attention.method.c_str(), static_cast<long long>(sampling.model()->step));
  edit_options(ui, sampling);
  const JobStatus progress = sampling.progress();
  if (progress.busy) {
    ImGui::SameLine();
    if (ImGui::Button("cancel")) sampling.cancel();
  }
  if (sampling.samples().steps.empty()) return say_why_empty(progress.busy ? "generating ..." : "press generate");
  edit_scrub(ui, sampling.samples());
  draw_grid(ui);
}

}  // namespace llsa::viewer
