#include "llsa/option_metadata.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "llsa/error.hpp"
#include "llsa/method.hpp"
#include "llsa/number_text.hpp"

namespace llsa {
namespace {

[[noreturn]] void refuse(const char* key, const std::string& text, const char* allowed) {
  throw Error(fmt::format("metadata '{}' is '{}'; it must be {}", key, text.substr(0, 60), allowed));
}

template <class Number>
Number number(const char* key, const std::string& text) {
  const auto value = number_from<Number>(text);
  if (!value) refuse(key, text, "a number");
  return *value;
}

std::vector<std::int64_t> list(const char* key, const std::string& text) {
  auto values = numbers_from<std::int64_t>(text);
  if (!values) refuse(key, text, "numbers with commas between them");
  return std::move(*values);
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
  if (std::ranges::count(o.top_k, o.top_k.front()) == std::ssize(o.top_k)) o.top_k.resize(1);
  if (o.enrichment_levels == o.levels) o.enrichment_levels.reset();
  return o;
}

std::optional<AttentionChoice> choice_from(const std::map<std::string, std::string>& metadata) {
  if (!metadata.contains("block_size")) return std::nullopt;
  AttentionChoice choice;
  for (const char* key : {"attention", "method"})
    if (const auto found = metadata.find(key); found != metadata.end()) choice.method = found->second;
  check_method(choice.method);
  choice.options = options_from(metadata);
  return choice;
}

}  // namespace llsa
