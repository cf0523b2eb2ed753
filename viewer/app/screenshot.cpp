#include "viewer/app/screenshot.hpp"

#include <fmt/format.h>

#include "viewer/app/benchmark.hpp"
#include "viewer/app/record.hpp"
#include "viewer/app/stage.hpp"
#include "viewer/model/export.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/model/layout.hpp"
#include "viewer/model/page.hpp"

namespace llsa::viewer {
namespace {

/// What a window would show as message or question.
void throw_problems(const Workspace& work) {
  if (work.question) {
    const MetadataNeeded& q = *work.question;
    std::string options;
    for (const auto& [missing, name] :
         {std::pair(q.layout, "--layout"), {q.grid, "--grid"}, {q.key_grid, "--key-grid"}, {q.order, "--stored-order"}})
      if (missing) options += (options.empty() ? "" : ", ") + std::string(name);
    throw Error(fmt::format("{} about its tokens (Q has shape {}); say {}", q.what(),
                            files::describe_shape(q.stored_shape), options));
  }
  if (work.message_is_error) throw Error(work.message);
  if (!work.judgement().problem.empty()) throw Error(work.judgement().problem);
  if (!work.profile_problem.empty()) throw Error(work.profile_problem);
  if (!work.sampling().problem.empty()) throw Error(work.sampling().problem);
  for (int side = 0; side < (work.view.compare ? 2 : 1); ++side)
    if (!work.side(side).problem.empty()) throw Error(work.side(side).problem);
}

void check_paths(const Targets& targets) {
  const auto ending = [](const std::string& path) { return std::filesystem::path(path).extension().string(); };
  if (!targets.screenshot.empty() && ending(targets.screenshot) != ".png")
    throw Error(targets.screenshot + ": a screenshot is written as .png");
  if (!targets.page.empty() && ending(targets.page) != ".html")
    throw Error(targets.page + ": a page is written as .html");
  if (!targets.figure.empty()) plot::require_picture_path(targets.figure);
}

void write_screenshot(Workspace& work, const Targets& targets) {
  Stage stage(work, targets.width, targets.height, targets.scale);
  if (targets.cursor)
    ImGui::GetIO().MousePos = vec({targets.cursor->x * targets.scale, targets.cursor->y * targets.scale});
  files::write_png(targets.screenshot, stage.settled_picture(targets.panel));
}

}  // namespace

void choose_query_at(Workspace& work, const std::vector<std::int64_t>& query) {
  const Grid grid = work.document()->query_grid;
  const std::int64_t frame = query.size() > 2 ? query[2] : 0;
  if (query[0] < 0 || query[0] >= grid.width || query[1] < 0 || query[1] >= grid.height || frame < 0 ||
      frame >= grid.frames)
    throw Error(fmt::format("query is x {}, y {}, frame {}; the grid is {} columns, {} rows, {} frames", query[0],
                            query[1], frame, grid.width, grid.height, grid.frames));
  work.choose_query((frame * grid.height + query[1]) * grid.width + query[0]);
}

void require_chosen(const Workspace& work, const Targets& targets) {
  const auto require = [](const char* option, const std::optional<std::int64_t>& value, std::int64_t first,
                          std::int64_t last) {
    if (value && (*value < first || *value > last))
      throw Error(fmt::format("{} is {}; this file has {} to {}", option, *value, first, last));
  };
  const Document& document = *work.document();
  require("--set", targets.set, 0, static_cast<std::int64_t>(document.sets.size()) - 1);
  const Shape& shape = document.shape(work.side(0).settings.set);
  require("--batch", targets.batch, 0, shape.batch - 1);
  require("--head", targets.head_index, 0, shape.heads - 1);
  const auto& head = work.shown().result().selection;
  if (head && targets.level && (*targets.level < 1 || *targets.level > head->levels()))
    throw Error(fmt::format("--level is {}; this head has {} levels", *targets.level, head->levels()));
}

void write_targets(const Session& session, const Targets& targets, int threads) {
  check_paths(targets);
  Workspace work(threads);
  work.start(session);
  work.finish();
  throw_problems(work);
  if (targets.inspect || targets.inspect_everywhere) {
    if (!work.sampling().model()) throw Error("there is nothing to inspect; open a checkpoint");
    if (targets.inspect)
      work.inspect(*targets.inspect);
    else
      work.inspect_everywhere(*targets.inspect_everywhere);
    work.finish();
    throw_problems(work);
  }
  require_chosen(work, targets);
  if (targets.query) choose_query_at(work, *targets.query);
  if (targets.exact_error) work.shown().request_exact_error();
  work.finish();
  throw_problems(work);
  if (!targets.selection.empty()) export_selection(targets.selection, *work.document(), *work.query());
  if (!targets.head.empty()) export_head(targets.head, *work.query()->head);
  if (!targets.page.empty()) export_page(targets.page, work);
  if (!targets.figure.empty())
    draw_figure(targets.panel.value_or(Panel::overlay), work).save(targets.figure, 2 * targets.scale);
  if (!targets.screenshot.empty()) write_screenshot(work, targets);
  if (!targets.record.empty()) write_recording(work, targets);
  if (!targets.benchmark.empty())
    write_frame_times(work, targets.width, targets.height, targets.scale, targets.benchmark_frames, targets.benchmark);
}

}  // namespace llsa::viewer
