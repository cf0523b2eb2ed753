#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "llsa/attention_choice.hpp"
#include "llsa/method.hpp"

namespace llsa::viewer {

/// What a person chooses for one side of a comparison: which head of which set, and how to attend.
struct Settings {
  int set = 0;  ///< which Q, K, V of the document (a layer and step of a capture)
  std::int64_t batch = 0, head = 0;
  std::string backend = "reference";
  AttentionChoice how;  ///< an empty order keeps the document's own
};

/// Every field by name; options that are left to their default are null. `settings_from` inverts it and throws `Error`
/// naming the field when one has the wrong type; missing fields keep their default.
nlohmann::json to_json(const Settings& settings);
Settings settings_from(const nlohmann::json& json);

bool same(const Settings& a, const Settings& b);
bool same(const AttentionChoice& a, const AttentionChoice& b);
/// What the panels leave out for the methods that add a branch to top-K attention, in one line; empty for the others.
std::string_view panels_note(std::string_view method);
/// One line for people, for example "B 16, L 2, K 8, overlapping, reweighted, morton".
std::string describe(const Settings& settings);
std::string describe(const AttentionChoice& how);

}  // namespace llsa::viewer
