#pragma once

#include <string>

#include "compare/verify/verify.hpp"

namespace llsa::compare::verify {

/// A table with one line per tensor, what is wrong with it below, and the verdict at the end.
std::string to_text(const VerifyReport& report);

/// {"verdict": "right" | "wrong", "options": {...}, "tensors": [{"name", "verdict", measures, "findings", ...}],
/// "notes": [...]}; docs/llsa-compare.md describes the fields. Numbers that JSON lacks are null.
std::string to_json(const VerifyReport& report);

}  // namespace llsa::compare::verify
