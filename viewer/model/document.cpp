#include "viewer/model/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "llsa/options.hpp"
#include "viewer/model/layout.hpp"
#include "viewer/model/picture_document.hpp"

namespace llsa::viewer {
namespace {

using datasets::NamedTensor;
using datasets::TensorFile;
using Path = std::filesystem::path;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// 0, 1, 2 for a name that ends in the word q, k, v (or query, key, value), and what stands before it; -1 otherwise.
struct Role {
  int index = -1;
  std::string prefix, word;
};

Role role_of(const std::string& name) {
  static const std::map<std::string, int> words = {{"q", 0}, {"query", 0}, {"k", 1}, {"key", 1}, {"v", 2}, {"value", 2}};
  const auto cut = name.find_last_of("_-./ ");
  const std::size_t begin = cut == std::string::npos ? 0 : cut + 1;
  const auto found = words.find(lower(name.substr(begin)));
  if (found == words.end()) return {};
  return {found->second, name.substr(0, begin), name.substr(begin)};
}

/// The names a sibling may have, in the spelling of `word`: for "q" k and v, for "Query" Key and Value.
std::string spelled_like(const std::string& word, int index) {
  static const std::array<std::string, 3> letters = {"q", "k", "v"}, words = {"query", "key", "value"};
  std::string result = (word.size() == 1 ? letters : words)[static_cast<std::size_t>(index)];
  if (std::isupper(static_cast<unsigned char>(word[0])))
    result[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(result[0])));
  return result;
}

using Triple = std::array<const NamedTensor*, 3>;

/// Tensors grouped by what their names have before q, k, v; groups in the order of the file, complete ones only.
std::vector<std::pair<std::string, Triple>> triples_of(const TensorFile& file, const std::string& where) {
  std::vector<std::pair<std::string, Triple>> groups;
  for (const NamedTensor& tensor : file.tensors) {
    const Role role = role_of(tensor.name());
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
  throw Error(fmt::format("{}: no tensors q, k and v; it holds: {}", where, names.empty() ? "nothing" : names));
}

TensorFile read_three(const std::vector<Path>& files) {
  TensorFile all;
  const std::array<std::string, 3> names = {"q", "k", "v"};
  for (std::size_t i = 0; i < 3; ++i) {
    TensorFile one = datasets::read_tensor_file(files[i]);
    if (one.tensors.size() != 1)
      throw Error(fmt::format("{}: {} tensors; one is expected when Q, K and V come from three files",
                              files[i].string(), one.tensors.size()));
    all.tensors.push_back(one.tensors[0].renamed(names[i]));
    all.metadata.insert(one.metadata.begin(), one.metadata.end());
  }
  return all;
}

/// Q, K, V in this order, siblings of a single file found by name.
std::vector<Path> sorted_triple(std::vector<Path> files, bool in_order) {
  if (in_order) return files;
  if (files.size() == 1) {
    const Role role = role_of(files[0].stem().string());
    if (role.index < 0)
      throw Error(fmt::format("{}: holds one array; name the files q.npy, k.npy, v.npy (or ending in _q.npy and so on) "
                              "or give all three with --q, --k and --v",
                              files[0].string()));
    std::vector<Path> found(3);
    for (int i = 0; i < 3; ++i)
      found[static_cast<std::size_t>(i)] =
          files[0].parent_path() / (role.prefix + spelled_like(role.word, i) + files[0].extension().string());
    return found;
  }
  std::vector<Path> found(3);
  for (const Path& file : files) {
    const Role role = role_of(file.stem().string());
    if (role.index < 0 || !found[static_cast<std::size_t>(role.index)].empty())
      throw Error(fmt::format("{}: the name does not say whether it is Q, K or V; end the names in q, k and v",
                              file.string()));
    found[static_cast<std::size_t>(role.index)] = file;
  }
  return found;
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

Document from_tensors(const TensorFile& file, const LoadHints& hints, const std::string& where) {
  const auto triples = triples_of(file, where);
  const std::vector<std::int64_t>& stored = triples[0].second[0]->shape();
  MetadataNeeded question(where + ": the file does not say everything");
  question.stored_shape = stored;
  auto layout = said(hints.layout, file, "layout");
  const auto order = said(hints.order, file, "order");
  const auto grid = said(hints.grid, file, "grid");
  auto key_grid = said(hints.key_grid, file, "key_grid");
  if (!layout && stored.size() == 2) layout = "nd";  // [tokens, dim] is what two axes mean in this project
  question.layout = !layout;
  question.order = !order;
  Document document;
  if (layout) {
    const std::string axes = layout_from(*layout);
    for (const auto& [prefix, triple] : triples) {
      const std::string name = prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1);
      document.sets.push_back({name, to_bhnd(*triple[0], axes), to_bhnd(*triple[1], axes), to_bhnd(*triple[2], axes)});
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
  document.order = lower(*order);
  token_order(document.order, Grid{1, 1, 1});  // throws for an unknown name
  return document;
}

}  // namespace

bool is_picture(const Path& path) {
  const std::string ending = lower(path.extension().string());
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Document load_document(const std::vector<Path>& files, const LoadHints& hints) {
  Document document;
  if (files.empty() || (files.size() == 1 && is_picture(files[0]))) {
    document = picture_document(files.empty() ? Path() : files[0], hints);
  } else {
    if (files.size() != 1 && files.size() != 3)
      throw Error(fmt::format("{} files were given; open one file, or the three .npy files of Q, K and V", files.size()));
    const std::string where = files[0].string();
    const bool one_set = files.size() == 1 && lower(files[0].extension().string()) != ".npy";
    const TensorFile file =
        one_set ? datasets::read_tensor_file(files[0]) : read_three(sorted_triple(files, hints.in_order));
    try {
      document = from_tensors(file, hints, where);
    } catch (const MetadataNeeded&) {
      throw;
    } catch (const Error& error) {
      throw Error(std::string(error.what()).starts_with(where) ? error.what() : where + ": " + error.what());
    }
  }
  document.files = files;
  document.title = files.empty() ? "built-in picture" : files[0].filename().string();
  return document;
}

}  // namespace llsa::viewer
