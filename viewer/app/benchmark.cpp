#include "viewer/app/benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "files/atomic_file.hpp"
#include "viewer/app/stage.hpp"

namespace llsa::viewer {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// One kind of action: what a person does before frame `i`.
struct Action {
  const char* name;
  std::function<void(int i)> act;
};

double at_share(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

nlohmann::ordered_json summary(std::vector<double> milliseconds) {
  std::ranges::sort(milliseconds);
  const double sum = std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0);
  return {{"frames", milliseconds.size()},
          {"mean_ms", sum / static_cast<double>(milliseconds.size())},
          {"median_ms", at_share(milliseconds, 0.5)},
          {"p95_ms", at_share(milliseconds, 0.95)},
          {"worst_ms", milliseconds.back()}};
}

/// The middle of the panel with the picture, and half its side, in pixels.
struct Field {
  Point center;
  double radius = 0;
};

Field picture_field(Ui& ui) {
  const Box area = ui.picture.camera.viewport;
  return {area.center(), 0.45 * std::min(area.width(), area.height())};
}

std::vector<Action> actions(Stage& stage) {
  Ui& ui = stage.ui();
  Workspace& work = ui.work;
  ImGuiIO& io = ImGui::GetIO();
  const auto type = [&ui, &work](char32_t c) { type_character(c, work, ui.requests); };
  const auto hover = [&ui, &io](int i) {
    const Field field = picture_field(ui);
    const double turn = 0.13 * i, reach = field.radius * (0.3 + 0.7 * std::abs(std::sin(0.03 * i)));
    io.MousePos = vec({field.center.x + reach * std::cos(turn), field.center.y + reach * std::sin(turn)});
  };
  return {{"rest", [](int) {}},
          {"hover", hover},
          {"drag",
           [&io, hover](int i) {
             hover(i);
             io.MouseDown[1] = i % 40 < 35;
           }},
          {"zoom",
           [&io, hover](int i) {
             io.MouseDown[1] = false;
             hover(i);
             io.MouseWheel = i % 40 < 20 ? 0.5f : -0.5f;
           }},
          {"query", [&work, type](int i) { i % 20 == 19 ? type(U'f') : work.step_query(i % 7 - 3, i % 5 - 2); }},
          {"level", [type](int i) { type(U'1' + static_cast<char32_t>(i / 6 % 3)); }},
          {"head",
           [type](int i) {
             if (i % 8 == 0) type(i / 8 % 2 == 0 ? U'h' : U'H');
           }},
          {"top-k", [type](int i) {
             if (i % 8 == 0) type(i / 8 % 2 == 0 ? U'k' : U'K');
           }}};
}

}  // namespace

void write_frame_times(Workspace& work, int width, int height, double scale, int frames,
                       const std::filesystem::path& path) {
  Stage stage(work, width, height, scale);
  stage.settled_picture({});
  nlohmann::ordered_json by_action;
  std::vector<double> all, built;
  for (const Action& action : actions(stage)) {
    std::vector<double> times;
    for (int i = 0; i < frames; ++i) {
      action.act(i);
      const auto begin = Clock::now();
      stage.build_frame();
      built.push_back(milliseconds_since(begin));
      stage.draw();
      times.push_back(milliseconds_since(begin));
      // A display's pace: the background has what a frame leaves of a sixtieth of a second.
      std::this_thread::sleep_until(begin + std::chrono::microseconds(16667));
    }
    all.insert(all.end(), times.begin(), times.end());
    by_action[action.name] = summary(times);
  }
  const Grid grid = work.document()->query_grid;
  const nlohmann::ordered_json json = {{"document", work.document()->title},
                                       {"tokens", {grid.frames, grid.height, grid.width}},
                                       {"heads", work.document()->shape().heads},
                                       {"pixels", {std::lround(width * scale), std::lround(height * scale)}},
                                       {"all", summary(all)},
                                       {"without_opengl", summary(built)},
                                       {"actions", by_action}};
  files::write_file_atomically(path, json.dump(2) + "\n");
}

}  // namespace llsa::viewer
