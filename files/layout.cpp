#include "files/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

const std::map<std::string, char, std::less<>>& axis_words() {
  static const std::map<std::string, char, std::less<>> words = {
      {"batch", 'b'},     {"b", 'b'},      {"heads", 'h'}, {"head", 'h'},     {"h", 'h'},
      {"num_heads", 'h'}, {"tokens", 'n'}, {"token", 'n'}, {"n", 'n'},        {"t", 'n'},
      {"s", 'n'},         {"l", 'n'},      {"seq", 'n'},   {"sequence", 'n'}, {"length", 'n'},
      {"seq_len", 'n'},   {"dim", 'd'},    {"d", 'd'},     {"head_dim", 'd'}};
  return words;
}

[[noreturn]] void refuse_layout(std::string_view text) {
  throw Error(
      fmt::format("layout is {}; it must name tokens and dim, and heads and batch where there are any, slowest "
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

std::string default_layout(std::size_t rank) { return rank == 4 ? "bhnd" : rank == 2 ? "nd" : ""; }

std::string said_layout(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find("layout");
  return found == metadata.end() ? std::string() : layout_from(found->second);
}

template <class T>
Tensor<T> to_bhnd(const NamedTensor& tensor, const std::string& said) {
  const auto& extents = tensor.shape();
  const std::string layout = said.empty() ? default_layout(extents.size()) : said;
  if (layout.empty() && extents.size() == 3)
    throw Error(fmt::format("tensor {} has shape {}; say what its axes are with metadata layout: hnd, nhd or bnd",
                            quote(tensor.name()), describe_shape(extents)));
  if (layout.empty()) return to_tensor<T>(tensor);  // which says what is allowed
  if (extents.size() != layout.size())
    throw Error(fmt::format("tensor {} has shape {}; layout {} has {} axes", quote(tensor.name()),
                            describe_shape(extents), layout, layout.size()));
  const auto heads = layout.find('h'), tokens = layout.find('n');
  const bool swapped = heads != std::string::npos && tokens < heads;  // tokens outside heads
  const std::string axes = swapped ? "bnhd" : "bhnd";
  std::vector<std::int64_t> four(4, 1);
  for (std::size_t i = 0; i < layout.size(); ++i) four[axes.find(layout[i])] = extents[i];
  Tensor<T> stored = to_tensor<T>(tensor.reshaped(four));
  if (!swapped) return stored;
  const Shape shape{four[0], four[2], four[1], four[3]};
  Tensor<T> result(shape);
  T* to = result.data();
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t h = 0; h < shape.heads; ++h)
      for (std::int64_t t = 0; t < shape.tokens; ++t)
        to = std::copy_n(stored.data() + ((b * shape.tokens + t) * shape.heads + h) * shape.dim, shape.dim, to);
  return result;
}

template Tensor<half> to_bhnd<half>(const NamedTensor&, const std::string&);
template Tensor<bfloat16> to_bhnd<bfloat16>(const NamedTensor&, const std::string&);
template Tensor<float> to_bhnd<float>(const NamedTensor&, const std::string&);
template Tensor<double> to_bhnd<double>(const NamedTensor&, const std::string&);

}  // namespace llsa::files
