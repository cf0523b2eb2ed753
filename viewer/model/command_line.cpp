#include "viewer/model/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

/// A word as a shell reads it back.
std::string shell_word(const std::string& text) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) || std::string_view("_-./,:+=@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return text;
  std::string quoted;
  quoted.push_back('\'');
  for (const char c : text) {
    if (c == '\'') quoted.append("'\\'");
    quoted.push_back(c);
  }
  quoted.push_back('\'');
  return quoted;
}

/// Options, one after the other.
struct Line {
  std::string text = "llsa-viewer";

  void word(const std::string& value) {
    text.push_back(' ');
    text.append(shell_word(value));
  }
  void add(const char* option, const std::string& value) {
    text.push_back(' ');
    text.append(option);
    word(value);
  }
  void add(const char* option, std::int64_t value) { add(option, std::to_string(value)); }
};

void add_attention(Line& line, const AttentionChoice& how) {
  const Options& o = how.options;
  line.add("--method", how.method);
  line.add("--block-size", o.block_size);
  line.add("--levels", o.levels ? std::to_string(*o.levels) : "auto");
  line.add("--top-k", fmt::format("{}", fmt::join(o.top_k, ",")));
  line.add("--enrichment-levels", o.enrichment_levels ? std::to_string(*o.enrichment_levels) : "auto");
  if (!o.reweight) line.text += " --no-reweight";
  line.add("--coverage", std::string(name_of(o.coverage)));
  if (!how.order.empty()) line.add("--order", how.order);
}

void add_hints(Line& line, const LoadHints& hints) {
  if (hints.layout) line.add("--layout", *hints.layout);
  if (hints.grid) line.add("--grid", to_string(*hints.grid));
  if (hints.key_grid) line.add("--key-grid", to_string(*hints.key_grid));
  if (hints.order) line.add("--stored-order", *hints.order);
  if (hints.picture_size) line.add("--picture-size", to_string(*hints.picture_size));
  if (!hints.picture.empty()) line.add("--picture", hints.picture.string());
  if (hints.seed != LoadHints().seed) line.add("--seed", static_cast<std::int64_t>(hints.seed));
}

}  // namespace

std::string command_line(const Workspace& work) {
  Line line;
  if (!work.document()) return line.text;
  const bool generated = work.document()->is_generated && work.inspected();
  if (generated) {
    line.word(work.sampling().checkpoint().string());
    const AttentionPlace& place = *work.inspected();
    line.add("--inspect", work.document()->sets.size() > 1
                              ? std::to_string(place.sample)
                              : fmt::format("{},{},{}", place.sample, place.layer, place.step));
  } else if (work.hints().in_order && work.files().size() == 3) {
    for (std::size_t i = 0; i < 3; ++i) line.add(std::array{"--q", "--k", "--v"}[i], work.files()[i].string());
  } else {
    for (const auto& file : work.files()) line.word(file.string());
  }
  if (!generated) add_hints(line, work.hints());
  const Settings& settings = work.side(0).settings;
  if (work.document()->sets.size() > 1) line.add("--set", settings.set);
  if (work.document()->shape(settings.set).batch > 1) line.add("--batch", settings.batch);
  if (work.document()->shape(settings.set).heads > 1) line.add("--head", settings.head);
  add_attention(line, settings.how);
  if (settings.backend != "reference") line.add("--backend", settings.backend);
  const Grid grid = work.document()->query_grid;
  const std::int64_t cell = work.view.query_cell, area = grid.height * grid.width;
  if (cell >= 0) {
    std::string place = fmt::format("{},{}", cell % grid.width, cell % area / grid.width);
    if (grid.frames > 1) place += fmt::format(",{}", cell / area);
    line.add("--query", place);
  }
  line.add("--weights", std::string(name_of(work.view.weights)));
  if (work.level() > 1) line.add("--level", work.level());
  if (work.view.compare) line.text += " --compare";
  return line.text;
}

}  // namespace llsa::viewer
