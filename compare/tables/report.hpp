#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "compare/tables/measure_timing.hpp"
#include "compare/tables/measure_training.hpp"

namespace llsa::compare::tables {

/// What was measured as Markdown, with the settings, what was scaled down, and the paper's figures beside.
std::string markdown(const MeasuredTraining& measured, const Scale& scale);
std::string markdown(const MeasuredTiming& measured, const Scale& scale);

/// The same with every single value: each seed's loss and distance, each repetition's seconds.
nlohmann::ordered_json json_of(const MeasuredTraining& measured, const Scale& scale);
nlohmann::ordered_json json_of(const MeasuredTiming& measured, const Scale& scale);

/// PNG or SVG. Training: loss (or, where losses cannot be compared, denoising error) of every row with the
/// spread over the seeds. Timing: against tokens, or against the cases where there is one length only.
void plot(const MeasuredTraining& measured, const std::filesystem::path& path);
/// The curves against steps, and against the time that so many steps take alone on the machine (steps times the median
/// of the timed ones): means of the seeds and the smallest and largest as bars.
void plot_curves(const MeasuredTraining& measured, const std::filesystem::path& path);
void plot(const MeasuredTiming& measured, const std::filesystem::path& path);

}  // namespace llsa::compare::tables
