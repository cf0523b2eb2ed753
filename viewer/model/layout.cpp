#include "viewer/model/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "files/byte_source.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::viewer {
namespace {

const std::map<std::string, char, std::less<>>& axis_words() {
  static const std::map<std::string, char, std::less<>> words = {
      {"batch", 'b'}, {"b", 'b'},        {"heads", 'h'},   {"head", 'h'},   {"h", 'h'},   {"num_heads", 'h'},
      {"tokens", 'n'}, {"token", 'n'},   {"n", 'n'},       {"t", 'n'},      {"s", 'n'},   {"l", 'n'},
      {"seq", 'n'},    {"sequence", 'n'}, {"length", 'n'}, {"seq_len", 'n'}, {"dim", 'd'}, {"d", 'd'},
      {"head_dim", 'd'}};
  return words;
}

[[noreturn]] void refuse_layout(std::string_view text) {
  throw Error(fmt::format("layout is {}; it must name tokens and dim, and heads and batch where there are any, slowest "
                          "axis first: bhnd, bnhd, bnd, hnd, nhd or nd",
                          quote(text)));
}

}  // namespace

std::vector<std::string> layouts_of_rank(std::size_t rank) {
  if (rank == 2) return {"nd"};
  if (rank == 3) return {"hnd", "nhd", "bnd"};
  if (rank == 4) return {"bhnd", "bnhd"};
  return {};
}

std::string layout_from(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) || c == '_')
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  // One word that is no axis by itself is a row of letters.
  if (words.size() == 1 && !axis_words().contains(words[0])) {
    const std::string letters = words[0];
    words.clear();
    for (const char c : letters) words.emplace_back(1, c);
  }
  std::string layout;
  for (const std::string& word : words) {
    const auto axis = axis_words().find(word);
    if (axis == axis_words().end() || layout.find(axis->second) != std::string::npos) refuse_layout(text);
    layout += axis->second;
  }
  if (!std::ranges::count(layouts_of_rank(layout.size()), layout)) refuse_layout(text);
  return layout;
}

Tensor<float> to_bhnd(const files::NamedTensor& tensor, const std::string& layout) {
  const auto& extents = tensor.shape();
  if (extents.size() != layout.size())
    throw Error(fmt::format("tensor {} has shape {}; layout {} has {} axes", quote(tensor.name()),
                            files::describe_shape(extents), layout, layout.size()));
  const auto at = layout.find('h'), tokens = layout.find('n');
  const bool swapped = at != std::string::npos && tokens < at;  // tokens outside heads
  std::vector<std::int64_t> four(4, 1);
  for (std::size_t i = 0; i < layout.size(); ++i) {
    const std::string axes = swapped ? "bnhd" : "bhnd";
    four[axes.find(layout[i])] = extents[i];
  }
  Tensor<float> stored = files::to_tensor<float>(tensor.reshaped(four));
  if (!swapped) return stored;
  const Shape shape{four[0], four[2], four[1], four[3]};
  Tensor<float> result(shape);
  float* to = result.data();
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t h = 0; h < shape.heads; ++h)
      for (std::int64_t t = 0; t < shape.tokens; ++t)
        to = std::copy_n(stored.data() + ((b * shape.tokens + t) * shape.heads + h) * shape.dim, shape.dim, to);
  return result;
}

std::vector<Grid> grids_of(std::int64_t tokens) {
  std::vector<Grid> grids;
  for (std::int64_t height = 1; height * height <= tokens; ++height) {
    if (tokens % height != 0) continue;
    grids.push_back({1, height, tokens / height});
    if (height != tokens / height) grids.push_back({1, tokens / height, height});
  }
  std::ranges::stable_sort(grids, {}, [](Grid g) { return std::max(g.height, g.width); });
  return grids;
}

}  // namespace llsa::viewer
