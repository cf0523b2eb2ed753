#pragma once

namespace llsa::demo {

/// The report's text, from the files in demo/report/, in fmt's language: `{name}` stands for what report.cpp and
/// report_captures.cpp call by that name. Sections that repeat have templates of their own.
extern const char* const report_template;
extern const char* const query_template;
extern const char* const model_template;
extern const char* const model_query_template;
extern const char* const forming_template;

}  // namespace llsa::demo
