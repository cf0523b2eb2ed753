#include "viewer/model/export.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

json finite(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json level_json(const QueryView& view, int level) {
  const LevelView& lists = view.level(level);
  const Hierarchy& keys = view.head->options.key;
  json selected = json::array();
  for (const Candidate& c : lists.candidates) {
    if (c.rank < 0) continue;
    const TokenRange fine = keys.fine(level, c.token);
    selected.push_back({{"rank", c.rank},
                        {"token", c.token},
                        {"score", finite(static_cast<double>(c.score))},
                        {"fine_begin", fine.begin},
                        {"fine_end", fine.end}});
  }
  return {{"level", level},
          {"query_token", lists.query_token},
          {"key_tokens", keys.length(level)},
          {"candidates", lists.candidates.size()},
          {"selected", std::move(selected)}};
}

void append_rows(std::string& text, const HeadSelection& head, int level, std::int64_t query_token) {
  const LevelSelection& lists = head.selection.level(level);
  const float* scores = head.scores[static_cast<std::size_t>(level - 1)].data() + query_token * lists.width;
  std::size_t rank = 0;
  for (const std::int32_t token : lists.list(0, query_token)) {
    const TokenRange fine = head.options.key.fine(level, token);
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{}\n", level, query_token, rank, token, scores[rank],
                   fine.begin, fine.end);
    ++rank;
  }
}

constexpr const char* csv_header = "level,query_token,rank,token,score,fine_begin,fine_end\n";

[[noreturn]] void refuse(const std::filesystem::path& path, const char* allowed) {
  throw Error(fmt::format("{}: a selection is written as {}", path.string(), allowed));
}

}  // namespace

json selection_json(const Document& document, const QueryView& view) {
  const HeadSelection& head = *view.head;
  const std::int64_t cell = head.head->query_cell(view.position),
                     area = document.query_grid.height * document.query_grid.width;
  json levels = json::array(), keys = json::array(), files = json::array();
  for (int level = head.levels(); level >= 1; --level) levels.push_back(level_json(view, level));
  for (const ScoredKey& k : view.keys)
    keys.push_back({{"level", k.key.level},
                    {"token", k.key.token},
                    {"weight", k.weight},
                    {"score", finite(k.score)},
                    {"probability", finite(k.probability)}});
  for (const auto& file : document.files) files.push_back(file.string());
  return {{"files", std::move(files)},
          {"set", document.sets[static_cast<std::size_t>(head.settings.set)].name},
          {"query_grid", to_string(document.query_grid)},
          {"key_grid", to_string(document.key_grid)},
          {"settings", to_json(head.settings)},
          {"levels_used", head.levels()},
          {"query",
           {{"x", cell % document.query_grid.width},
            {"y", cell % area / document.query_grid.width},
            {"frame", cell / area},
            {"position", view.position}}},
          {"levels", std::move(levels)},
          {"keys", std::move(keys)},
          {"numbers",
           {{"keys_touched", view.keys.size()},
            {"fine_keys", view.fine_keys},
            {"sparsity", view.sparsity},
            {"mass_held", finite(view.mass_held)},
            {"lse", finite(view.lse)},
            {"dense_lse", finite(view.dense_lse)},
            {"output_error", finite(view.output_error)}}}};
}

std::string selection_csv(const QueryView& view) {
  std::string text = csv_header;
  for (int level = view.head->levels(); level >= 1; --level)
    append_rows(text, *view.head, level, view.level(level).query_token);
  return text;
}

std::string head_csv(const HeadSelection& head) {
  std::string text = csv_header;
  for (int level = head.levels(); level >= 1; --level)
    for (std::int64_t t = 0; t < head.options.query.length(level); ++t) append_rows(text, head, level, t);
  return text;
}

void export_selection(const std::filesystem::path& path, const Document& document, const QueryView& view) {
  if (path.extension() == ".json")
    return files::write_file_atomically(path, selection_json(document, view).dump(1) + "\n");
  if (path.extension() == ".csv") return files::write_file_atomically(path, selection_csv(view));
  refuse(path, ".json or .csv");
}

void export_head(const std::filesystem::path& path, const HeadSelection& head) {
  if (path.extension() != ".csv") refuse(path, ".csv for a whole head");
  files::write_file_atomically(path, head_csv(head));
}

}  // namespace llsa::viewer
