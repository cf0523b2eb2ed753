#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compare/approximate/sweep.hpp"

namespace llsa::compare::approximate {

/// Everything measured on one input.
struct InputResult {
  std::string name = {}, source = {};
  Shape query = {}, key = {};
  std::int64_t sampled_queries = 0;
  std::vector<Section> sections = {};
};

/// The input without its tensors, for a result.
InputResult describe(const Judge& judge);

/// One table a section.
std::string markdown(const InputResult& result);
/// `{"inputs": [{..., "rows": [...]}]}`: every row with its options as they ran, on a line of its own
/// (docs/llsa-compare.md).
std::string json_of(const std::vector<InputResult>& results);

/// PNG or SVG: relative L2 error and mass recalled of every method against keys per query, one row of charts an input
/// (the section "Methods at equal numbers of keys", or every row where there is no such section). Throws `Error` when
/// there are more inputs than `most_plotted`.
inline constexpr std::size_t most_plotted = 12;
void plot(const std::vector<InputResult>& results, const std::filesystem::path& path);

}  // namespace llsa::compare::approximate
