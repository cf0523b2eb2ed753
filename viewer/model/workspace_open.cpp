#include <fmt/format.h>

#include <algorithm>

#include "viewer/model/layout.hpp"
#include "viewer/model/workspace.hpp"

// What a workspace opens: documents, checkpoints, profiles, what a kernel wrote.
namespace llsa::viewer {
namespace {

bool is_json(const std::filesystem::path& path) { return path.extension() == ".json" || path.extension() == ".JSON"; }

}  // namespace

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

}  // namespace llsa::viewer
