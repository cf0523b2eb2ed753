#pragma once

#include "viewer/draw/ui.hpp"

namespace llsa::viewer {

// Each draws one panel into the current window; none computes anything beyond what is on the screen.
void draw_controls(Ui& ui);
void draw_overlay(Ui& ui);
void draw_weights(Ui& ui);
void draw_pyramid(Ui& ui);
void draw_blocks(Ui& ui);
void draw_popularity(Ui& ui);
void draw_numbers(Ui& ui);
void draw_compare(Ui& ui);
void draw_profile(Ui& ui);
void draw_samples(Ui& ui);
void draw_errors(Ui& ui);
void draw_overview(Ui& ui);
void draw_judgement(Ui& ui);

void draw_panel(Ui& ui, Panel panel);
/// The title of its window.
const char* title_of(Panel panel);

}  // namespace llsa::viewer
