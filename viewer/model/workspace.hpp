#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "viewer/model/history.hpp"
#include "viewer/model/judgement.hpp"
#include "viewer/model/overview.hpp"
#include "viewer/model/profile.hpp"
#include "viewer/model/sampling.hpp"
#include "viewer/model/session.hpp"
#include "viewer/model/side.hpp"

namespace llsa::viewer {

/// Which step of the generated pictures is shown, and which layer's attention a click captures.
struct Scrub {
  int step = 0, layer = 0;
  bool follow = true;     ///< the newest step, until a person moves the scrubber
  bool expected = false;  ///< the pictures that the model expects, not the noisy ones
  bool playing = false;   ///< step after step, from the first again after the last
  int frame = 0;          ///< of generated videos, the one that is shown
  bool frames = false;    ///< generated videos, and the query, go through the frames in the same way
};

/// What the window shows and works on: a document, two sides, how they are shown, and what is pointed at. All functions
/// return at once; long work runs behind them and arrives in `update`.
class Workspace {
 public:
  /// `wake` is called from other threads when `update` has something to take in. `threads == 0` takes every core.
  explicit Workspace(int threads = 0, std::function<void()> wake = {});

  ViewState view;
  std::optional<LevelToken> pinned;  ///< a key token that stays highlighted
  std::string message;               ///< the last failure or success, for the status line
  bool message_is_error = false;
  std::string profile_problem;  ///< why the profile that was asked for last could not be opened; empty when it could
  std::optional<MetadataNeeded> question;  ///< what must be answered before a file can be shown
  Scrub scrub;

  /// Takes over a session and opens what it names.
  void start(const Session& session);
  /// Opens a document, a profile (.json) or a checkpoint. On failure `message` says why and everything else stays. A
  /// document that says what attention it was made with is shown with it.
  void open(std::vector<std::filesystem::path> files, LoadHints hints);
  void open_profile(const std::filesystem::path& file);
  /// Opens a document for side B alone, on the same grids as side A's; comparing begins. Side B attends as it was made.
  void open_other(std::vector<std::filesystem::path> files);
  /// Side B shows side A's document again.
  void close_other() { other_.reset(); }
  /// Judges what a kernel wrote for the open Q, K, V, by side A's options, as `llsa-compare verify` does.
  void judge(const std::filesystem::path& theirs);
  const Judgement& judgement() const { return judgement_; }
  /// Shows the batch entry, head and query, or pins the key, that a finding is about.
  void go_to_finding(const Finding& finding);

  /// Files dropped on the window: a profile, a document, or several .npy files. A picture goes behind the Q, K, V of a
  /// file that is open.
  void drop(const std::vector<std::filesystem::path>& files);
  /// Loads what asked `question` again, with the answers added to `asked_hints`.
  void answer(const LoadHints& hints);
  const LoadHints& asked_hints() const { return asked_hints_; }

  /// Takes in results and starts what changed settings call for. Once per frame; true when the picture changed.
  bool update();
  void cancel();
  bool busy() const;
  /// Of the loading document or of the sides; `busy` false when idle.
  JobStatus progress() const;
  /// Waits until nothing is under way: for programs without a window.
  void finish();

  const std::shared_ptr<const Document>& document() const { return document_; }
  /// Of side 0 or 1: the document, unless side B has its own.
  const std::shared_ptr<const Document>& document_of(int side) const {
    return side == 1 && other_ ? other_ : document_;
  }
  /// Side B's own document; null while it shows side A's.
  const std::shared_ptr<const Document>& other_document() const { return other_; }
  const std::vector<std::filesystem::path>& files() const { return files_; }
  const LoadHints& hints() const { return hints_; }
  const std::optional<Profile>& profile() const { return profile_; }
  Sampling& sampling() { return sampling_; }
  const Sampling& sampling() const { return sampling_; }
  /// Shows the attention at that place of what was generated, when it is captured.
  void inspect(const AttentionPlace& place);
  /// Moves the scrubber of the generated pictures, within their steps and layers. The attention that is looked at
  /// follows: the place that is asked for last wins.
  void scrub_to(int step, int layer);
  /// The next step, from the first again after the last; the attention follows where nothing else is under way.
  void play_on();
  /// The query's place in the next frame of a video, in the first one after the last; and generated videos alike.
  void play_frames_on();
  /// The place that was asked for last; empty before, and when another checkpoint was opened.
  const std::optional<AttentionPlace>& inspected() const { return inspected_; }
  /// Every head of every set for the current query.
  Overview& overview() { return overview_; }
  const Overview& overview() const { return overview_; }
  /// Captures all layers at three steps of one of the pictures that were generated, and opens the overview of them.
  void inspect_everywhere(std::int64_t sample);
  Side& side(int index) { return *sides_[static_cast<std::size_t>(index)]; }
  const Side& side(int index) const { return *sides_[static_cast<std::size_t>(index)]; }
  Side& shown() { return side(view.side); }
  const Side& shown() const { return side(view.side); }
  /// The shown side's query, null before there is one.
  const QueryView* query() const { return shown().query().get(); }
  /// The level of `view.level` that the shown head has; 0 when it has none.
  int level() const;

  /// The attention that the document was made with; null when it does not say.
  const AttentionChoice* made_with() const;
  /// Side A attends as the document was made. Nothing happens when it does not say.
  void restore_made_with();

  void choose_query(std::int64_t cell);
  /// By columns and rows, stopping at the border of the query's frame.
  void step_query(int columns, int rows);
  void choose_level(int level);
  void swap_sides();
  void report(std::string text, bool error);

  /// Takes note of all settings of both sides and of the view, for `undo`: once a frame. `held`: a mouse button is
  /// down.
  void note_settings(double seconds, bool held);
  /// Back to the settings before the last step, or forward again; where windows lie stays. False when there is none.
  bool undo() { return go_to(history_.undo()); }
  bool redo() { return go_to(history_.redo()); }
  const History& history() const { return history_; }

  /// What was opened, the newest first: files of a document, a checkpoint, a profile.
  const std::vector<std::vector<std::filesystem::path>>& recent() const { return recent_; }

  /// Throws `Error` when `path` is a file that is open here: an export must not replace what it shows.
  void expect_not_open(const std::filesystem::path& path) const;

  Session session() const;
  /// Settings and view of a session; its document is not opened.
  void restore(const Session& session);

 private:
  void load(std::vector<std::filesystem::path> files, LoadHints hints);
  void accept(std::shared_ptr<const Document> document, const LoadHints& hints);
  void take_made_with();
  void remember(std::vector<std::filesystem::path> opened);
  bool go_to(const std::optional<nlohmann::json>& settings);

  std::shared_ptr<const Document> document_, other_;
  std::vector<std::filesystem::path> files_, asked_files_;
  LoadHints hints_, asked_hints_;
  std::optional<Profile> profile_;
  std::array<std::unique_ptr<Side>, 2> sides_;
  /// Laid over what the next document was made with; empty: side A stays as it is.
  std::optional<program::AttentionArguments> laid_over_ = program::AttentionArguments();
  std::optional<AttentionChoice> chosen_before_;  ///< side A's choice before a document's own replaced it
  Background loading_, profile_loading_, other_loading_;
  std::vector<std::filesystem::path> wanted_other_;  ///< side B's, opened when the document is there
  std::filesystem::path wanted_theirs_;              ///< judged when the document is there
  Judgement judgement_;
  Sampling sampling_;
  Overview overview_;
  std::optional<AttentionPlace> inspected_;
  History history_;
  std::vector<std::vector<std::filesystem::path>> recent_;
};

}  // namespace llsa::viewer
