#include "viewer/model/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "files/apng.hpp"
#include "viewer/model/picture_document.hpp"
#include "viewer/model/tensor_document.hpp"

namespace llsa::viewer {
namespace {

using files::TensorFile;
using Path = std::filesystem::path;

/// The names a sibling may have, in the spelling of `word`: for "q" k and v, for "Query" Key and Value.
std::string spelled_like(const std::string& word, int index) {
  static const std::array<std::string, 3> letters = {"q", "k", "v"}, words = {"query", "key", "value"};
  std::string result = (word.size() == 1 ? letters : words)[static_cast<std::size_t>(index)];
  if (std::isupper(static_cast<unsigned char>(word[0])))
    result[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(result[0])));
  return result;
}

TensorFile read_three(const std::vector<Path>& files) {
  TensorFile all;
  const std::array<std::string, 3> names = {"q", "k", "v"};
  for (std::size_t i = 0; i < 3; ++i) {
    TensorFile one = files::read_tensor_file(files[i]);
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
    const QkvRole role = role_of(files[0].stem().string());
    if (role.index < 0)
      throw Error(
          fmt::format("{}: holds one array; name the files q.npy, k.npy, v.npy (or ending in _q.npy and so on) "
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
    const QkvRole role = role_of(file.stem().string());
    if (role.index < 0 || !found[static_cast<std::size_t>(role.index)].empty())
      throw Error(
          fmt::format("{}: the name does not say whether it is Q, K or V; end the names in q, k and v", file.string()));
    found[static_cast<std::size_t>(role.index)] = file;
  }
  return found;
}

}  // namespace

bool is_picture(const Path& path) {
  const std::string ending = lower_case(path.extension().string());
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Document load_document(const std::vector<Path>& files, const LoadHints& hints) {
  Document document;
  if (files.empty() || (files.size() == 1 && is_picture(files[0]))) {
    if (!hints.picture.empty())
      throw Error(hints.picture.string() + ": a picture goes behind Q, K, V; the document is a picture itself");
    document = picture_document(files.empty() ? Path() : files[0], hints);
  } else {
    if (files.size() != 1 && files.size() != 3)
      throw Error(
          fmt::format("{} files were given; open one file, or the three .npy files of Q, K and V", files.size()));
    const std::string where = files[0].string();
    const bool one_set = files.size() == 1 && lower_case(files[0].extension().string()) != ".npy";
    const TensorFile file =
        one_set ? files::read_tensor_file(files[0]) : read_three(sorted_triple(files, hints.in_order));
    try {
      document = document_of_tensors(file, hints, where);
    } catch (const MetadataNeeded&) {
      throw;
    } catch (const Error& error) {
      throw Error(std::string(error.what()).starts_with(where) ? error.what() : where + ": " + error.what());
    }
    if (!hints.picture.empty()) {
      document.pictures = files::read_frames(hints.picture);
      // An animation of another length shows its first frame behind all.
      if (document.pictures.size() != static_cast<std::size_t>(document.query_grid.frames)) document.pictures.resize(1);
    }
  }
  document.files = files;
  document.title = files.empty() ? "built-in picture" : files[0].filename().string();
  return document;
}

}  // namespace llsa::viewer
