#include "viewer/model/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "files/atomic_file.hpp"
#include "files/image.hpp"
#include "plot/color_map.hpp"
#include "plot/ticks.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/model/page_template.hpp"

namespace llsa::viewer {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(plot::Rgb c) { return fmt::format("#{:02x}{:02x}{:02x}", c.r, c.g, c.b); }

std::string data_url(const files::Image& image) {
  const std::vector<std::byte> png = files::encode_png(image);
  return "data:image/png;base64," + base64({reinterpret_cast<const char*>(png.data()), png.size()});
}

/// Tokens as runs `[first, count]`.
Json runs_of(const std::vector<std::int64_t>& tokens) {
  Json runs = Json::array();
  for (const std::int64_t token : tokens)
    if (!runs.empty() && runs.back()[0].get<std::int64_t>() + runs.back()[1].get<std::int64_t>() == token)
      runs.back()[1] = runs.back()[1].get<std::int64_t>() + 1;
    else
      runs.push_back({token, 1});
  return runs;
}

/// 100 times the decimal logarithm: a hundredth of a decade is 2.3%.
int log_of(double probability) {
  constexpr double least = 1e-10;
  return static_cast<int>(std::lround(100 * std::log10(std::max(probability, least))));
}

Json numbers_of(const QueryView& view) {
  const auto percent = [](double share) { return fmt::format("{:.2f}%", 100 * share); };
  return {{"keys touched", fmt::format("{}", view.keys.size())},
          {"of them fine", fmt::format("{}", view.fine_keys)},
          {"of all keys", fmt::format("{}", view.head->options.key.tokens())},
          {"sparsity", percent(view.sparsity)},
          {"mass on fine keys", percent(view.mass_held)},
          {"weights shared with dense", percent(view.shared_mass)},
          {"output error", plot::format_value(view.output_error, 3)},
          {"LSE", plot::format_value(view.lse, 5)}};
}

std::string name_of_query(Grid grid, std::int64_t cell) {
  const std::int64_t area = grid.height * grid.width;
  const std::string place = fmt::format("query x {}, y {}", cell % grid.width, cell % area / grid.width);
  return grid.frames == 1 ? place : fmt::format("{}, frame {}", place, cell / area);
}

Json query_json(const QueryView& view, Grid grid) {
  const int levels = view.head->levels();
  const std::int64_t cell = view.head->head->query_cell(view.position);
  Json selected = Json::array(), keys = Json::array(), logs = Json::array();
  for (int level = 1; level <= levels; ++level) {
    Json tokens = Json::array();
    for (const Candidate& c : view.level(level).candidates)
      if (c.rank >= 0) tokens.push_back(c.token);
    selected.push_back(std::move(tokens));
  }
  std::vector<std::vector<std::int64_t>> tokens(static_cast<std::size_t>(levels) + 1);
  for (const ScoredKey& key : view.keys) tokens[static_cast<std::size_t>(key.key.level)].push_back(key.key.token);
  for (const auto& of_level : tokens) keys.push_back(runs_of(of_level));
  for (const ScoredKey& key : view.keys) logs.push_back(log_of(key.probability));
  return {{"cell", cell},
          {"name", name_of_query(grid, cell)},
          {"selected", std::move(selected)},
          {"keys", std::move(keys)},
          {"log_probability", std::move(logs)},
          {"numbers", numbers_of(view)}};
}

/// Cells spread evenly over the grid, about `count` of them, and `current`; ascending.
std::vector<std::int64_t> chosen_cells(Grid grid, std::int64_t count, std::int64_t current) {
  const auto every =
      static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(grid.size()) / static_cast<double>(count))));
  std::set<std::int64_t> cells = {current};
  for (std::int64_t cell = 0; cell < grid.size(); ++cell) {
    const std::int64_t x = cell % grid.width, y = cell / grid.width % grid.height;
    // In the middle of squares of that side; a grid narrower than one has its only row or column.
    const auto is_middle = [every](std::int64_t at, std::int64_t extent) {
      return at % every == std::min(every / 2, (extent - 1) / 2);
    };
    if (is_middle(x, grid.width) && is_middle(y, grid.height)) cells.insert(cell);
  }
  return {cells.begin(), cells.end()};
}

Json layout_json(const Head& head) {
  const GridLayout& layout = head.key_cells;
  const Grid grid = layout.grid();
  Json frames = Json::array(), order;
  for (std::int64_t f = 0; f < grid.frames; ++f) frames.push_back({layout.frame(f).x0, layout.frame(f).y0});
  bool is_raster = true;
  for (std::int64_t i = 0; i < grid.size() && is_raster; ++i) is_raster = head.key_cell(i) == i;
  if (!is_raster)
    for (std::int64_t i = 0; i < grid.size(); ++i) order.push_back(head.key_cell(i));
  return {{"key_grid", {grid.frames, grid.height, grid.width}},
          {"size", {layout.bounds().x1, layout.bounds().y1}},
          {"frames", std::move(frames)},
          {"order", std::move(order)}};
}

}  // namespace

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) text.push_back(j <= count ? letters[group >> (18 - 6 * j) & 63] : '=');
  }
  return text;
}

std::string html_page(const Workspace& work) {
  const QueryView* const current = work.side(0).query().get();
  if (!current) throw Error("nothing is computed yet");
  const Document& document = *work.document();
  const auto selection = current->head;
  const Head& head = *selection->head;
  constexpr std::size_t most_keys = 400'000;  // of all queries together
  const auto affordable = static_cast<std::int64_t>(most_keys / std::max<std::size_t>(1, current->keys.size()));
  const std::int64_t count = std::clamp<std::int64_t>(affordable, 9, most_page_queries);
  const std::int64_t first_cell = head.query_cell(current->position);

  Json data = layout_json(head);
  data["title"] = document.title;
  data["settings"] = describe(selection->settings);
  data["self"] = document.self_attention();
  data["picture"] = data_url(grid_picture(document, selection->settings.batch, head.key_cells));
  data["levels"] = Json::array();
  data["spans"] = {1};
  for (int level = 1; level <= selection->levels(); ++level) {
    data["levels"].push_back(hex(level_color(level)));
    data["spans"].push_back(selection->options.key.span(level));
  }
  for (const plot::Rgb& c : plot::color_map("viridis").table()) data["colors"].push_back(hex(c));
  data["queries"] = Json::array();
  for (const std::int64_t cell : chosen_cells(document.query_grid, count, first_cell)) {
    if (cell == first_cell) data["first"] = data["queries"].size();
    data["queries"].push_back(query_json(view_query(selection, head.query_position(cell)), document.query_grid));
  }
  std::string text = data.dump();
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) text.replace(at, 1, "\\u003c");
  std::string page = page_template;
  constexpr std::string_view mark = "LLSA_PAGE_DATA";
  return page.replace(page.find(mark), mark.size(), text);
}

void export_page(const std::filesystem::path& path, const Workspace& workspace) {
  if (path.extension() != ".html") throw Error(path.string() + ": a page is written as .html");
  files::write_file_atomically(path, html_page(workspace));
}

}  // namespace llsa::viewer
