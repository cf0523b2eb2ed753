#include "viewer/panels/panels.hpp"

#include <array>

namespace llsa::viewer {
namespace {

struct Entry {
  const char* title;
  void (*draw)(Ui&);
};

constexpr std::array<Entry, panel_count> entries = {{{"Controls", draw_controls},
                                                     {"Selected blocks", draw_overlay},
                                                     {"Weights", draw_weights},
                                                     {"Pyramid", draw_pyramid},
                                                     {"Block map", draw_blocks},
                                                     {"Popular keys", draw_popularity},
                                                     {"Numbers", draw_numbers},
                                                     {"Compare A with B", draw_compare},
                                                     {"Profile", draw_profile},
                                                     {"Samples", draw_samples},
                                                     {"Error map", draw_errors},
                                                     {"Overview", draw_overview},
                                                     {"Judgement of a kernel", draw_judgement}}};

}  // namespace

void draw_panel(Ui& ui, Panel panel) { entries[static_cast<std::size_t>(panel)].draw(ui); }
const char* title_of(Panel panel) { return entries[static_cast<std::size_t>(panel)].title; }

}  // namespace llsa::viewer
