#pragma once

#include <string>

#include "compare/check/battery.hpp"

namespace llsa::compare::check {

/// A table with a verdict on each line, the reasons of failures below theirs, and a summary.
std::string to_text(const BatteryReport& report);

/// {"verdict", "backend", "precision", "seed", "passed", "failed", "lines": [...]}; see docs/llsa-compare.md.
std::string to_json(const BatteryReport& report);

}  // namespace llsa::compare::check
