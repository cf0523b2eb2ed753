#include "viewer/model/workspace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "program/command_files.hpp"
#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

bool is_json(const std::filesystem::path& path) { return path.extension() == ".json" || path.extension() == ".JSON"; }

}  // namespace

void clamp_to(const Document& document, Settings& settings) {
  settings.set = std::clamp(settings.set, 0, static_cast<int>(document.sets.size()) - 1);
  const Shape& shape = document.shape(settings.set);
  settings.batch = std::clamp<std::int64_t>(settings.batch, 0, shape.batch - 1);
  settings.head = std::clamp<std::int64_t>(settings.head, 0, shape.heads - 1);
}

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

void Workspace::start(const Session& session) {
  restore(session);
  wanted_other_ = session.other_files;
  wanted_theirs_ = session.theirs;
  open(session.files, session.hints);
  if (!session.profile.empty()) open_profile(session.profile);
  if (!session.checkpoint.empty()) open({session.checkpoint}, {});
  laid_over_ = session.named_anew;
}

void Workspace::open(std::vector<std::filesystem::path> files, LoadHints hints) {
  report("", false);  // what was said of another file is over
  if (files.size() == 1 && is_json(files[0])) return open_profile(files[0]);
  question.reset();
  laid_over_.emplace();
  if (files.size() == 1 && is_checkpoint(files[0])) {
    open_panel(view.places, Panel::samples);
    inspected_.reset();
    scrub = {};
    remember(files);
    sampling_.open(files[0]);
    return;
  }
  load(std::move(files), std::move(hints));
}

void Workspace::drop(const std::vector<std::filesystem::path>& files) {
  if (files.empty()) return;
  const bool behind = files.size() == 1 && is_picture(files[0]) && document_ && !document_->is_generated &&
                      !files_.empty() && !is_picture(files_[0]);
  if (behind) {
    LoadHints hints = hints_;
    hints.picture = files[0];
    return load(files_, hints);
  }
  open(files, LoadHints{.picture_size = hints_.picture_size, .seed = hints_.seed});
}

void Workspace::open_other(std::vector<std::filesystem::path> files) {
  report("", false);
  other_loading_.start(
      [this, files = std::move(files), hints = LoadHints{.seed = hints_.seed}](const Background::Job& job) {
        job.progress("loading " + files.front().filename().string());
        auto loaded = std::make_shared<const Document>(load_document(files, hints));
        job.publish([this, loaded] {
          if (!document_ || loaded->query_grid != document_->query_grid || loaded->key_grid != document_->key_grid)
            return report(fmt::format("{}: its tokens lie on {}, those of side A on {}; only equal grids are compared",
                                      loaded->title, to_string(loaded->query_grid),
                                      document_ ? to_string(document_->query_grid) : "nothing"),
                          true);
          other_ = loaded;
          Settings& settings = side(1).settings;
          if (loaded->made_with)
            settings.how = *loaded->made_with;
          else
            settings.how = side(0).settings.how;
          clamp_to(*loaded, settings);
          view.compare = true;
          open_panel(view.places, Panel::compare);
          report(fmt::format("side B shows {}", loaded->title), false);
        });
      },
      [this](const std::string& problem) { report(problem, true); });
}

void Workspace::judge(const std::filesystem::path& theirs) {
  if (!document_) return report(theirs.string() + ": open the Q, K, V that the kernel was given first", true);
  judgement_.judge(theirs, *document_, side(0).settings.how);
  open_panel(view.places, Panel::judgement);
}

void Workspace::go_to_finding(const Finding& finding) {
  if (!document_ || !finding.place) return;
  const Finding::Place& place = *finding.place;
  for (int index = 0; index < 2; ++index) {
    Settings& settings = side(index).settings;
    settings.batch = place.batch;
    // dK and dV of a shared key head belong to several query heads: the first of them.
    const Document& document = *document_of(index);
    const QkvSet& set = document.sets[static_cast<std::size_t>(settings.set)];
    const std::int64_t shared = set.query.shape().heads / set.key.shape().heads;
    settings.head = place.of_key ? place.head * shared : place.head;
    clamp_to(document, settings);
  }
  const Grid grid = place.of_key ? document_->key_grid : document_->query_grid;
  const std::int64_t cell = token_order(document_->order, grid).to_raster()[static_cast<std::size_t>(place.token)];
  if (!place.of_key || document_->self_attention()) choose_query(cell);
  if (place.of_key) pinned = LevelToken{0, place.token};
}

void Workspace::answer(const LoadHints& hints) {
  if (question) load(asked_files_, hints);
}

void Workspace::load(std::vector<std::filesystem::path> files, LoadHints hints) {
  asked_files_ = files;
  asked_hints_ = hints;
  loading_.start(
      [this, files = std::move(files), hints = std::move(hints)](const Background::Job& job) {
        job.progress("loading " + (files.empty() ? "the built-in picture" : files[0].filename().string()));
        if (files.size() == 1 && is_kernel_output(files[0]))
          return job.publish([this, file = files[0]] { judge(file); });
        try {
          auto loaded = std::make_shared<const Document>(load_document(files, hints));
          job.publish([this, loaded, hints] { accept(loaded, hints); });
        } catch (const MetadataNeeded& needed) {
          job.publish([this, needed] { question = needed; });
        }
      },
      [this](const std::string& problem) { report(problem, true); });
}

void Workspace::open_profile(const std::filesystem::path& file) {
  profile_problem.clear();
  profile_loading_.start(
      [this, file](const Background::Job& job) {
        job.progress("loading " + file.filename().string());
        job.publish([this, profile = load_profile(file)] {
          profile_ = profile;
          open_panel(view.places, Panel::profile);
          remember({profile.file});
          report("opened " + profile.file.filename().string(), false);
        });
      },
      [this](const std::string& problem) {
        profile_problem = problem;
        report(problem, true);
      });
}

void Workspace::inspect(const AttentionPlace& place) {
  inspected_ = place;
  scrub.follow = false;
  scrub.layer = static_cast<int>(place.layer);
  scrub.step = static_cast<int>(place.step);
  sampling_.inspect(place, [this, place](std::shared_ptr<const Document> captured) {
    accept(std::move(captured), {});
    for (auto& side : sides_) side->settings.batch = std::min(place.sample, document_->shape().batch - 1);
  });
}

void Workspace::scrub_to(int step, int layer) {
  const Samples& samples = sampling_.samples();
  if (samples.steps.empty()) return;
  const int last = static_cast<int>(samples.steps.size()) - 1;
  scrub.step = std::clamp(step, 0, last);
  scrub.follow = scrub.step == last;
  scrub.layer = std::clamp(layer, 0, static_cast<int>(samples.config.layers) - 1);
  // After the last step there is a picture, but no attention.
  const AttentionPlace place{inspected_ ? inspected_->sample : 0, scrub.layer,
                             std::min<std::int64_t>(scrub.step, samples.options.steps - 1)};
  if (inspected_ && place != *inspected_) {
    const Scrub wanted = scrub;
    inspect(place);
    scrub = wanted;
  }
}

void Workspace::play_on() {
  const auto count = static_cast<int>(sampling_.samples().steps.size());
  if (count == 0) return;
  const int next = (scrub.step + 1) % count;
  if (!busy()) return scrub_to(next, scrub.layer);
  scrub.step = next;
  scrub.follow = false;
}

void Workspace::play_frames_on() {
  if (!document_ || view.query_cell < 0) return;
  const Grid grid = document_->query_grid;
  choose_query((view.query_cell + grid.height * grid.width) % grid.size());
}

void Workspace::inspect_everywhere(std::int64_t sample) {
  inspected_ = AttentionPlace{sample, 0, 0};
  sampling_.inspect_everywhere(sample, [this](std::shared_ptr<const Document> captured) {
    accept(std::move(captured), {});
    open_panel(view.places, Panel::overview);
  });
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
  // An update can start new work (a document its head, a head its query), so idle means idle after an update.
  do {
    while (busy()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      update();
    }
    update();
  } while (busy());
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
