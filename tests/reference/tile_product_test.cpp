#include "reference/tile_product.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace llsa::testing {
namespace {

using namespace reference;

// Products are chains of multiply-adds in one order, whatever number of rows, columns and vectors stands beside them:
// results do not depend on how a problem is cut into tiles, in bits. So either all multiply-adds are fused or none is;
// which it is depends on processor and compiler, and is asked once.

template <class C>
C one_product(const std::vector<C>& a, const std::vector<C>& x) {
  const auto depth = static_cast<std::int64_t>(a.size());
  std::vector<C> tile(a.size() * lanes<C>), out(lanes<C>);
  for (std::size_t k = 0; k < x.size(); ++k) tile[k * lanes<C>] = x[k];
  rows_times_tile<C>({a.data(), depth, 1}, depth, tile.data(), lanes<C>, 1, out.data(), lanes<C>);
  return out[0];
}

template <class C>
C multiply_add(C a, C b, C sum) {
  // (1 + e)^2 - (1 + 2e) is e^2 when it is rounded once, and 0 when it is rounded twice.
  constexpr C e = std::numeric_limits<C>::epsilon();
  static const bool fuses = one_product<C>({-(1 + 2 * e), 1 + e}, {1, 1 + e}) != 0;
  if (fuses) return std::fma(a, b, sum);
  const volatile C product = a * b;  // not fused here, whatever the compiler would like
  return product + sum;
}

template <class C>
std::vector<C> random_numbers(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<C> numbers(count);
  for (C& x : numbers) x = static_cast<C>(normal(engine));
  return numbers;
}

template <class C>
class TileProduct : public ::testing::Test {
 protected:
  static constexpr int W = lanes<C>;
  static constexpr std::int64_t rows = 29, depth = 37;
};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(TileProduct, Types);

TYPED_TEST(TileProduct, of_rows_is_one_chain_for_each_element) {
  using C = TypeParam;
  const auto a = random_numbers<C>(this->rows * this->depth, 1);
  for (int vectors = 1; vectors <= 3; ++vectors)
    for (const std::int64_t count : {1, 3, 4, 7, 8, 12, 13, 29}) {
      const std::int64_t columns = vectors * this->W;
      const auto x = random_numbers<C>(static_cast<std::size_t>(this->depth * columns), 2);
      std::vector<C> out(static_cast<std::size_t>(count * columns), C{7});
      rows_times_tile<C>({a.data(), this->depth, count}, this->depth, x.data(), columns, vectors, out.data(), columns);
      for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t c = 0; c < columns; ++c) {
          C sum = 0;
          for (std::int64_t k = 0; k < this->depth; ++k)
            sum = multiply_add(a[static_cast<std::size_t>(r * this->depth + k)],
                               x[static_cast<std::size_t>(k * columns + c)], sum);
          ASSERT_EQ(out[static_cast<std::size_t>(r * columns + c)], sum)
              << "row " << r << " of " << count << ", column " << c << " of " << columns;
        }
      std::vector<C> added(out.size(), C{7});
      add_rows_times_tile<C>({a.data(), this->depth, count}, this->depth, x.data(), columns, vectors, added.data(),
                             columns);
      for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(added[i], C{7} + out[i]) << i;
    }
}

TYPED_TEST(TileProduct, of_transposed_rows_is_one_chain_over_all_pieces_added_in_the_end) {
  using C = TypeParam;
  const std::int64_t longest = 35;
  const auto a = random_numbers<C>(static_cast<std::size_t>(this->rows * longest), 3);
  for (int vectors = 1; vectors <= 3; ++vectors)
    for (const std::int64_t width : {1, 3, 4, 8, 11, 16, 20, 35})
      for (const bool masked : {false, true}) {
        const Rows<C> pieces[2] = {{a.data(), longest, 17}, {a.data() + 17 * longest, longest, this->rows - 17}};
        const std::int64_t columns = vectors * this->W;
        const auto x = random_numbers<C>(static_cast<std::size_t>(this->rows * columns), 4);
        const auto before = random_numbers<C>(static_cast<std::size_t>(width * columns), 5);
        auto out = before;
        Mask<C> masks[3];
        for (int v = 0; v < 3; ++v) masks[v] = lanes_between<C>(v * this->W, 1, columns - 1);
        rows_transposed_times_tile<C>(pieces, 2, width, x.data(), columns, vectors, out.data(), columns,
                                      masked ? masks : nullptr);
        for (std::int64_t m = 0; m < width; ++m)
          for (std::int64_t c = 0; c < columns; ++c) {
            C sum = 0;
            for (std::int64_t j = 0; j < this->rows; ++j)
              sum = multiply_add(a[static_cast<std::size_t>(j * longest + m)],
                                 x[static_cast<std::size_t>(j * columns + c)], sum);
            const auto at = static_cast<std::size_t>(m * columns + c);
            const bool written = !masked || (c >= 1 && c < columns - 1);
            ASSERT_EQ(out[at], written ? before[at] + sum : before[at])
                << "column " << m << " of " << width << ", " << vectors << " vectors" << (masked ? ", masked" : "");
          }
      }
}

}  // namespace
}  // namespace llsa::testing
