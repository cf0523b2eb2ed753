#include "viewer/model/tensor_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "files/layout.hpp"
#include "llsa/option_metadata.hpp"
#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

using files::NamedTensor;
using files::TensorFile;

using Triple = std::array<const NamedTensor*, 3>;

/// Tensors grouped by what their names have before q, k, v; groups in the order of the file, complete ones only.
std::vector<std::pair<std::string, Triple>> triples_of(const TensorFile& file, const std::string& where) {
  std::vector<std::pair<std::string, Triple>> groups;
  for (const NamedTensor& tensor : file.tensors) {
    const QkvRole role = role_of(tensor.name());
    if (role.index < 0) continue;
    auto group = std::ranges::find(groups, role.prefix, [](const auto& g) { return g.first; });
    if (group == groups.end()) group = groups.insert(group, {role.prefix, Triple{}});
    group->second[static_cast<std::size_t>(role.index)] = &tensor;
  }
  std::erase_if(groups, [](const auto& g) { return std::ranges::count(g.second, nullptr) > 0; });
  if (!groups.empty()) {
    std::ranges::sort(groups, {}, [](const auto& g) { return std::pair(g.first.size(), g.first); });
    return groups;
  }
  std::string names;
  for (const NamedTensor& tensor : file.tensors) names += (names.empty() ? "" : ", ") + tensor.name();
  for (const files::UnreadTensor& other : file.unread)
    names += fmt::format("{}{} ({}, not read)", names.empty() ? "" : ", ", other.name, other.type);
  throw Error(fmt::format("{}: no tensors q, k and v; it holds: {}", where, names.empty() ? "nothing" : names));
}

/// A hint, else the metadata of that name, else nothing.
std::optional<std::string> said(const std::optional<std::string>& hint, const TensorFile& file, const char* name) {
  if (hint) return hint;
  const auto found = file.metadata.find(name);
  return found == file.metadata.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Grid> said(const std::optional<Grid>& hint, const TensorFile& file, const char* name) {
  const auto text = said(std::optional<std::string>{}, file, name);
  return hint ? hint : text ? std::optional(grid_from(*text)) : std::nullopt;
}

void check_grid(const char* what, Grid grid, std::int64_t tokens) {
  if (grid.size() != tokens)
    throw Error(fmt::format("{} {} has {} cells; there are {} tokens", what, to_string(grid), grid.size(), tokens));
}

}  // namespace

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

QkvRole role_of(const std::string& name) {
  static const std::map<std::string, int> words = {{"q", 0},   {"query", 0}, {"k", 1},
                                                   {"key", 1}, {"v", 2},     {"value", 2}};
  const auto cut = name.find_last_of("_-./ ");
  const std::size_t begin = cut == std::string::npos ? 0 : cut + 1;
  const auto found = words.find(lower_case(name.substr(begin)));
  if (found == words.end()) return {};
  return {found->second, name.substr(0, begin), name.substr(begin)};
}

Document document_of_tensors(const TensorFile& file, const LoadHints& hints, const std::string& where) {
  const auto triples = triples_of(file, where);
  const std::vector<std::int64_t>& stored = triples[0].second[0]->shape();
  MetadataNeeded question(where + ": the file does not say everything");
  question.stored_shape = stored;
  auto layout = said(hints.layout, file, "layout");
  const auto order = said(hints.order, file, "order");
  const auto grid = said(hints.grid, file, "grid");
  auto key_grid = said(hints.key_grid, file, "key_grid");
  // [batch, heads, tokens, dim] and [tokens, dim] are what four and two axes mean in this project; three mean nothing.
  if (const std::string usual = files::default_layout(stored.size()); !layout && !usual.empty()) layout = usual;
  question.layout = !layout;
  question.order = !order;
  Document document;
  if (layout) {
    const std::string axes = layout_from(*layout);
    for (const auto& [prefix, triple] : triples) {
      const std::string name = prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1);
      document.sets.push_back({name, files::to_bhnd<float>(*triple[0], axes), files::to_bhnd<float>(*triple[1], axes),
                               files::to_bhnd<float>(*triple[2], axes)});
      const QkvSet& set = document.sets.back();
      resolve({.levels = 0}, set.query.shape(), set.key.shape(), set.value.shape());
      const QkvSet& first = document.sets.front();
      if (set.query.shape().tokens != first.query.shape().tokens || set.key.shape().tokens != first.key.shape().tokens)
        throw Error(fmt::format("set '{}' has {} tokens; '{}' has {}", set.name, set.query.shape().tokens, first.name,
                                first.query.shape().tokens));
    }
    question.query_tokens = document.sets[0].query.shape().tokens;
    question.key_tokens = document.sets[0].key.shape().tokens;
    if (grid) check_grid("grid", *grid, question.query_tokens);
    if (!key_grid && question.query_tokens == question.key_tokens) key_grid = grid;
    if (key_grid) check_grid("key grid", *key_grid, question.key_tokens);
  }
  question.grid = !grid;
  question.key_grid = !key_grid && question.query_tokens != question.key_tokens;
  if (question.layout || question.order || question.grid || question.key_grid) throw question;
  document.query_grid = *grid;
  document.key_grid = *key_grid;
  document.order = lower_case(*order);
  token_order(document.order, Grid{1, 1, 1});  // throws for an unknown name
  try {
    document.made_with = choice_from(file.metadata);
  } catch (const Error& error) {
    throw Error(where + ": " + error.what());
  }
  return document;
}

}  // namespace llsa::viewer
