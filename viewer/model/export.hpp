#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "viewer/model/query_view.hpp"

namespace llsa::viewer {

/// One query's selection, key set and numbers. Scores and shares that are not finite become null.
nlohmann::json selection_json(const Document& document, const QueryView& view);
/// The selected tokens of one query: a header line, then `level,query_token,rank,token,score,fine_begin,fine_end`.
std::string selection_csv(const QueryView& view);
/// The same columns for every query token of every level of the head.
std::string head_csv(const HeadSelection& head);

/// Writes by the path's ending (.json or .csv), complete or not at all. Throws `Error` for another ending.
void export_selection(const std::filesystem::path& path, const Document& document, const QueryView& view);
void export_head(const std::filesystem::path& path, const HeadSelection& head);

}  // namespace llsa::viewer
