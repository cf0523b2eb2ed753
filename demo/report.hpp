#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "demo/capture.hpp"
#include "demo/query_view.hpp"
#include "demo/scaling.hpp"

namespace llsa::demo {

/// Everything that the report tells.
struct ReportContents {
  std::string picture_source = {};  ///< where the picture came from and what was done to it, one sentence
  std::string backend = {};
  int width = 0, height = 0, threads = 0;
  datasets::ProjectionOptions projection = {};
  std::int64_t top_k = 0;
  std::vector<MethodResult> results = {};
  std::vector<datasets::Pixel> queries = {};
  std::vector<ScalingPoint> scaling = {};
  std::vector<CaptureResult> captures = {};
  bool shows_forming = false;  ///< the picture while it was formed is drawn, too
};

/// The comparison with dense attention, one row a method.
std::string results_table(const std::vector<MethodResult>& results);
/// Time and keys against tokens.
std::string scaling_table(const std::vector<ScalingPoint>& points);

/// The captures' errors, one row a method, then the picture's for comparison.
std::string captures_table(const ReportContents& contents);
/// The section about a trained model; empty without captures.
std::string captures_section(const ReportContents& contents);

/// Markdown that shows the pictures (by the names below, in the same folder) and explains the method by them.
std::string report(const ReportContents& contents);

inline constexpr const char* picture_file = "picture.png";
inline constexpr const char* outputs_file = "outputs.png";
inline constexpr const char* errors_file = "errors.png";
inline constexpr const char* scaling_file = "scaling.png";
inline constexpr const char* forming_file = "model_forming.png";
inline constexpr const char* report_file = "report.md";
/// Whether a name is one of those that the demo writes.
bool is_report_file(std::string_view name);

/// `number` counts from 1.
inline std::string selection_file(std::size_t number) { return "selection_" + std::to_string(number) + ".png"; }
inline std::string attention_file(std::size_t number) { return "attention_" + std::to_string(number) + ".png"; }
inline std::string capture_selection_file(std::size_t number) { return "model_" + selection_file(number); }
inline std::string capture_attention_file(std::size_t number) { return "model_" + attention_file(number); }

}  // namespace llsa::demo
