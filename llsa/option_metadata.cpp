#include "llsa/option_metadata.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <optional>

#include "llsa/error.hpp"

namespace llsa {
namespace {

/// The number that `text` is, all of it.
template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

[[noreturn]] void refuse(const char* key, const std::string& text, const char* allowed) {
  throw Error(fmt::format("metadata '{}' is '{}'; it must be {}", key, text.substr(0, 60), allowed));
}

template <class Number>
Number number(const char* key, const std::string& text) {
  const auto value = number_from<Number>(text);
  if (!value) refuse(key, text, "a number");
  return *value;
}

std::vector<std::int64_t> list(const char* key, std::string_view text) {
  std::vector<std::int64_t> values;
  for (const std::string whole(text);;) {
    const std::size_t comma = text.find(',');
    const auto value = number_from<std::int64_t>(text.substr(0, comma));
    if (!value) refuse(key, whole, "numbers with commas between them");
    values.push_back(*value);
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::map<std::string, std::string> option_metadata(const ResolvedOptions& o) {
  return {{"block_size", std::to_string(o.block_size)},
          {"levels", std::to_string(o.levels)},
          {"top_k", fmt::format("{}", fmt::join(o.top_k, ","))},
          {"enrichment_levels", std::to_string(o.enrichment_levels)},
          {"reweight", o.reweight ? "true" : "false"},
          {"coverage", std::string(name_of(o.coverage))},
          {"scale", fmt::format("{}", o.scale)}};
}

Options options_from(const std::map<std::string, std::string>& metadata) {
  const auto when_said = [&](const char* key, const auto& use) {
    if (const auto found = metadata.find(key); found != metadata.end()) use(key, found->second);
  };
  using Text = const std::string&;
  Options o;
  when_said("block_size", [&](const char* key, Text text) { o.block_size = number<std::int64_t>(key, text); });
  when_said("levels", [&](const char* key, Text text) { o.levels = number<int>(key, text); });
  when_said("top_k", [&](const char* key, Text text) {
    if (!text.empty()) o.top_k = list(key, text);  // empty without levels
  });
  when_said("enrichment_levels", [&](const char* key, Text text) { o.enrichment_levels = number<int>(key, text); });
  when_said("reweight", [&](const char* key, Text text) {
    if (text != "true" && text != "false") refuse(key, text, "true or false");
    o.reweight = text == "true";
  });
  when_said("coverage", [&](const char*, Text text) { o.coverage = coverage_from(text); });
  when_said("scale", [&](const char* key, Text text) { o.scale = number<double>(key, text); });
  return o;
}

}  // namespace llsa
