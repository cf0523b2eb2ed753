#include "viewer/app/record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "files/apng.hpp"
#include "files/make_folder.hpp"
#include "viewer/app/stage.hpp"
#include "viewer/model/attention_steps.hpp"

namespace llsa::viewer {
namespace {

/// How many pictures, and what brings the workspace to one of them.
struct Takes {
  std::int64_t count = 0;
  std::function<void(std::int64_t)> go_to;
};

Takes steps_of(Workspace& work) {
  const auto count = static_cast<std::int64_t>(work.sampling().samples().steps.size());
  return {count, [&work](std::int64_t i) { work.scrub_to(static_cast<int>(i), work.scrub.layer); }};
}

Takes frames_of(Workspace& work) {
  const Grid grid = work.document()->query_grid;
  const std::int64_t area = grid.height * grid.width, place = work.view.query_cell % area;
  return {grid.frames, [&work, area, place](std::int64_t i) { work.choose_query(i * area + place); }};
}

Takes columns_of(Workspace& work) {
  const std::int64_t width = work.document()->query_grid.width, row = work.view.query_cell / width;
  return {width, [&work, width, row](std::int64_t i) { work.choose_query(row * width + i); }};
}

Takes top_k_of(Workspace& work) {
  const auto largest = std::ranges::max(work.shown().settings.how.options.top_k);
  return {largest, [&work](std::int64_t i) { work.shown().settings.how.options.top_k = {i + 1}; }};
}

Takes takes_of(Workspace& work, const std::string& over) {
  if (over == "steps") return steps_of(work);
  if (over == "sets")
    return {static_cast<std::int64_t>(work.document()->sets.size()),
            [&work](std::int64_t i) { step_set(work, static_cast<int>(i) - work.side(0).settings.set); }};
  if (over == "heads")
    return {work.document()->shape(work.side(0).settings.set).heads,
            [&work](std::int64_t i) { step_head(work, static_cast<int>(i - work.side(0).settings.head)); }};
  if (over == "frames") return frames_of(work);
  if (over == "columns") return columns_of(work);
  if (over == "top-k") return top_k_of(work);
  throw Error(fmt::format("--record-over is '{}'; it must be one of: {}", over, fmt::join(recordings(), ", ")));
}

}  // namespace

std::vector<std::string> recordings() { return {"steps", "sets", "heads", "frames", "columns", "top-k"}; }

void write_recording(Workspace& work, const Targets& targets) {
  constexpr int milliseconds = 200;
  constexpr std::int64_t most = 1000;
  const Takes takes = takes_of(work, targets.record_over);
  if (takes.count < 2 || takes.count > most)
    throw Error(fmt::format("--record-over {}: there are {}; a recording has 2 to {} pictures", targets.record_over,
                            takes.count, most));
  const std::filesystem::path path = targets.record;
  const bool animated = path.extension() == ".png";
  if (!animated) files::make_folder(path);
  Stage stage(work, targets.width, targets.height, targets.scale);
  std::vector<files::Image> pictures;
  for (std::int64_t i = 0; i < takes.count; ++i) {
    takes.go_to(i);
    files::Image picture = stage.settled_picture(targets.panel);
    if (animated)
      pictures.push_back(std::move(picture));
    else
      files::write_png(path / fmt::format("{:04}.png", i), picture);
  }
  if (animated) files::write_apng(path, pictures, milliseconds);
}

}  // namespace llsa::viewer
