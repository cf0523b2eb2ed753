#pragma once

#include <string>

#include "viewer/draw/plane.hpp"
#include "viewer/model/query_view.hpp"

namespace llsa::viewer {

/// The shown query, or null after saying in the panel what it waits for.
const QueryView* query_or_reason(const Ui& ui);

/// In place of a panel that needs levels: that attention is dense, why, and a button that asks for one level where
/// nobody asked for none.
void say_dense(Ui& ui, const QueryView& query);

/// The first query whose output is not a number, with a button that goes there; nothing where all are.
void say_not_finite(Ui& ui, const HeadResult& result);

/// As `ImGui::SameLine`, where the panel has so many pixels left there; else the next control begins a line.
void same_line_if_fits(float width);
/// The width of a check box or radio button with this label.
float box_width(const char* label);

/// True so many times a second: when what plays is to go on. One thing at a time.
bool takes_turn(double times_a_second);

/// Whether the shown head's keys lie on a picture.
bool has_picture(const Ui& ui);
/// Draws the picture under the key grid, plain grey frames without one.
void draw_picture(Ui& ui, Plane& plane, const QueryView& query);
/// A click chooses the query, where keys and queries share the grid.
void take_click(Ui& ui, const Plane& plane, const QueryView& query);

/// A cell by its column and row (and frame), for example "x 12, y 7".
std::string cell_name(Grid grid, std::int64_t cell);
/// "level 2 token 17" or "fine key 123".
std::string token_name(LevelToken token);
/// What the sparse side of a comparison is called: LLSA, or the method's name.
std::string sparse_name(const QueryView& query);

/// What is highlighted: under the cursor now, else pinned.
std::optional<LevelToken> highlighted(const Ui& ui);
/// The selected token of the finest level at a fine key; the fine key itself when its block is in the key set.
std::optional<LevelToken> finest_selected(const QueryView& query, std::int64_t key_position);

/// Lines of a tooltip about a key token: what it is, rank and score, share of the softmax, dense weight. Also sets what
/// `copy` takes.
void describe_token(Ui& ui, const QueryView& query, LevelToken token);

/// The region of a key token on its grid, from a cache of one query's tokens.
const CellShape& region_of(Ui& ui, const HeadSelection& head, LevelToken token);

/// A drop-down of the colour maps and the range; for a heat map with `choice`.
void edit_colors(Ui& ui, const char* id, ColorChoice& choice, bool offer_log);

}  // namespace llsa::viewer
