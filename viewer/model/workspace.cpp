#include "viewer/model/workspace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "program/command_files.hpp"

namespace llsa::viewer {
namespace {}  // namespace

Workspace::Workspace(int threads, std::function<void()> wake)
    : loading_(1, wake),
      profile_loading_(1, wake),
      other_loading_(1, wake),
      judgement_(threads, wake),
      sampling_(threads, wake),
      overview_(threads, wake) {
  for (auto& side : sides_) side = std::make_unique<Side>(threads, wake);
  restore(Session());
}

void Workspace::accept(std::shared_ptr<const Document> document, const LoadHints& hints) {
  // A query is kept for another file on the same grid, and for the file that a session restores.
  const bool other_grid = document_ && document_->query_grid != document->query_grid;
  // Settings of another document are not gone back to; those of another place in the same model are.
  if (!document->is_generated || !document_ || !document_->is_generated) history_.clear();
  document_ = std::move(document);
  files_ = document_->files;
  if (!document_->is_generated && !files_.empty()) remember(files_);
  hints_ = hints;
  question.reset();
  pinned.reset();
  take_made_with();
  if (other_ && (other_->query_grid != document_->query_grid || other_->key_grid != document_->key_grid)) close_other();
  for (int index = 0; index < 2; ++index) clamp_to(*document_of(index), side(index).settings);
  const Grid grid = document_->query_grid;
  if (view.query_cell < 0 || view.query_cell >= grid.size() || other_grid)
    view.query_cell = (grid.height / 2) * grid.width + grid.width / 2;
  report(hints.picture.empty() ? fmt::format("opened {}", document_->title)
                               : fmt::format("opened {} with {} behind it; O opens that picture itself",
                                             document_->title, hints.picture.filename().string()),
         false);
  if (!wanted_other_.empty()) open_other(std::exchange(wanted_other_, {}));
  if (!wanted_theirs_.empty()) judge(std::exchange(wanted_theirs_, {}));
}

void Workspace::remember(std::vector<std::filesystem::path> opened) {
  std::erase(recent_, opened);
  recent_.insert(recent_.begin(), std::move(opened));
  if (recent_.size() > most_recent) recent_.resize(most_recent);
}

void Workspace::note_settings(double seconds, bool held) {
  if (!document_ || loading_.busy()) return;
  nlohmann::json shown = to_json(view);
  shown.erase("panels");  // windows are put back with "Default layout"
  shown.erase("side");    // held with the space bar
  history_.note({{"settings", {to_json(side(0).settings), to_json(side(1).settings)}}, {"view", std::move(shown)}},
                seconds, held);
}

bool Workspace::go_to(const std::optional<nlohmann::json>& settings) {
  if (!settings) return false;
  ViewState to = view_from(settings->at("view"));
  to.places = view.places;
  to.side = to.compare ? view.side : 0;
  view = to;
  for (std::size_t index = 0; index < 2; ++index) {
    sides_[index]->settings = settings_from(settings->at("settings").at(index));
    if (document_) clamp_to(*document_of(static_cast<int>(index)), sides_[index]->settings);
  }
  return true;
}

void Workspace::take_made_with() {
  if (!laid_over_) return;
  AttentionChoice& how = sides_[0]->settings.how;
  if (document_->made_with) {
    if (!chosen_before_) chosen_before_ = how;
    how = *document_->made_with;
    program::lay_over(*laid_over_, how);
    laid_over_.reset();  // of this document; what is changed now is kept while its layers and steps are looked at
  } else if (chosen_before_) {
    how = *chosen_before_;
    chosen_before_.reset();
  }
}

const AttentionChoice* Workspace::made_with() const {
  return document_ && document_->made_with ? &*document_->made_with : nullptr;
}

void Workspace::restore_made_with() {
  if (made_with()) sides_[0]->settings.how = *made_with();
}

bool Workspace::update() {
  bool changed = loading_.deliver();
  changed |= profile_loading_.deliver();
  changed |= other_loading_.deliver();
  changed |= judgement_.update();
  changed |= sampling_.update();
  overview_.refresh(document_, side(0).settings, view.query_cell);
  changed |= overview_.update();
  for (int index = 0; index < 2; ++index) {
    if (index == 1 && !view.compare) continue;
    side(index).refresh(document_of(index));
    changed |= side(index).update(view.query_cell);
  }
  return changed;
}

void Workspace::cancel() {
  loading_.cancel();
  profile_loading_.cancel();
  other_loading_.cancel();
  judgement_.cancel();
  sampling_.cancel();
  overview_.cancel();
  for (auto& each : sides_) each->cancel();
}

bool Workspace::busy() const { return progress().busy; }

JobStatus Workspace::progress() const {
  for (const JobStatus& each :
       {loading_.progress(), profile_loading_.progress(), other_loading_.progress(), sampling_.progress(),
        side(0).progress(), side(1).progress(), overview_.progress(), judgement_.progress()})
    if (each.busy) return each;
  return {};
}

void Workspace::finish() {
  // An update can start new work (a document its head, a head its query), which may even be done before anybody asks
  // whether something is under way: idle is who is not busy and has nothing more to take in.
  do {
    while (busy()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      update();
    }
    update();
  } while (busy() || update());
}

int Workspace::level() const {
  const auto& head = shown().result().selection;
  return head ? std::min(view.level, head->levels()) : 0;
}

void Workspace::choose_query(std::int64_t cell) {
  if (document_ && cell >= 0 && cell < document_->query_grid.size()) view.query_cell = cell;
}

void Workspace::step_query(int columns, int rows) {
  if (!document_ || view.query_cell < 0) return;
  const Grid grid = document_->query_grid;
  const std::int64_t area = grid.height * grid.width, frame = view.query_cell / area, in_frame = view.query_cell % area;
  const std::int64_t x = std::clamp<std::int64_t>(in_frame % grid.width + columns, 0, grid.width - 1);
  const std::int64_t y = std::clamp<std::int64_t>(in_frame / grid.width + rows, 0, grid.height - 1);
  view.query_cell = frame * area + y * grid.width + x;
}

void Workspace::choose_level(int level) {
  const auto& head = shown().result().selection;
  if (level < 1 || (head && level > head->levels())) return;
  view.level = level;
}

void Workspace::swap_sides() {
  if (view.compare) view.side = 1 - view.side;
}

void Workspace::report(std::string text, bool error) {
  message = std::move(text);
  message_is_error = error;
}

void Workspace::expect_not_open(const std::filesystem::path& path) const {
  program::CommandFiles paths;
  for (const auto& file : files_) paths.reads("the document", file);
  if (other_)
    for (const auto& file : other_->files) paths.reads("side B's document", file);
  paths.reads("the kernel's outputs", judgement_.file());
  if (profile_) paths.reads("the profile", profile_->file);
  paths.reads("the checkpoint", sampling_.checkpoint());
  paths.writes("the export", path);
  paths.check();
}

Session Workspace::session() const {
  Session session;
  session.files = files_;
  if (profile_) session.profile = profile_->file;
  session.checkpoint = sampling_.checkpoint();
  session.hints = hints_;
  if (other_) session.other_files = other_->files;
  session.theirs = judgement_.file();
  session.recent = recent_;
  session.settings = {side(0).settings, side(1).settings};
  session.view = view;
  return session;
}

void Workspace::restore(const Session& session) {
  view = session.view;
  recent_ = session.recent;
  chosen_before_.reset();
  for (int index = 0; index < 2; ++index) side(index).settings = session.settings[static_cast<std::size_t>(index)];
}

}  // namespace llsa::viewer
