#include "llsa/grid_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa {

Grid grid_from(std::string_view text) {
  std::vector<std::int64_t> numbers;
  bool in_number = false;
  for (const char c : text) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit && std::string_view("xX*, []()").find(c) == std::string_view::npos) numbers.assign(9, 0);
    if (digit && !in_number) numbers.push_back(0);
    if (digit) numbers.back() = std::min<std::int64_t>(numbers.back() * 10 + (c - '0'), std::int64_t{1} << 31);
    in_number = digit;
  }
  const bool good = (numbers.size() == 2 || numbers.size() == 3) &&
                    std::ranges::all_of(numbers, [](std::int64_t n) { return n >= 1 && n < std::int64_t{1} << 31; });
  if (!good)
    throw Error(fmt::format("grid is {}; it must be HxW or TxHxW with extents of at least 1, for example 256x256",
                            quote(text)));
  if (numbers.size() == 2) return {1, numbers[0], numbers[1]};
  return {numbers[0], numbers[1], numbers[2]};
}

std::string text_of(Grid grid) {
  const std::string picture = fmt::format("{}x{}", grid.height, grid.width);
  return grid.frames == 1 ? picture : fmt::format("{}x{}", grid.frames, picture);
}

}  // namespace llsa
