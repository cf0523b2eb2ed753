#include "files/layout.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace llsa::files {
namespace {

using namespace testing;

/// Element i is i.
NamedTensor counted(std::vector<std::int64_t> shape) {
  std::vector<float> values(static_cast<std::size_t>(checked_element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return {"q", std::move(shape), std::span<const float>(values)};
}

TEST(Layout, is_read_in_every_spelling_and_anything_else_is_refused) {
  for (const char* text :
       {"bnhd", "BNHD", "batch,tokens,heads,dim", "[batch, seq_len, num_heads, head_dim]", "b n h d"})
    EXPECT_EQ(layout_from(text), "bnhd") << text;
  EXPECT_EQ(layout_from("tokens, dim"), "nd");
  for (const char* text : {"", "bhn", "bhdn", "banana", "bhnn", "nhdx", "batch heads", "dn"})
    EXPECT_NE(error_of([&] { layout_from(text); }).find("slowest axis first: bhnd, bnhd, bnd, hnd, nhd or nd"),
              std::string::npos)
        << text;
  EXPECT_EQ(said_layout({{"layout", "n h d"}}), "nhd");
  EXPECT_EQ(said_layout({{"grid", "2x2"}}), "");
  EXPECT_THROW(said_layout({{"layout", "sideways"}}), Error);
}

TEST(Layout, tensors_become_batch_heads_tokens_dim) {
  const Tensor<float> tokens_first = to_bhnd<float>(counted({2, 5, 3, 4}), "bnhd");
  EXPECT_EQ(tokens_first.shape(), (Shape{2, 3, 5, 4}));
  EXPECT_EQ(tokens_first(1, 2, 4, 3), static_cast<float>(((1 * 5 + 4) * 3 + 2) * 4 + 3));
  EXPECT_EQ(to_bhnd<float>(counted({5, 3, 4}), "nhd")(0, 2, 4, 3), static_cast<float>((4 * 3 + 2) * 4 + 3));
  EXPECT_EQ(to_bhnd<float>(counted({3, 5, 4}), "hnd").shape(), (Shape{1, 3, 5, 4}));
  EXPECT_EQ(to_bhnd<float>(counted({3, 5, 4}), "bnd").shape(), (Shape{3, 1, 5, 4}));
  EXPECT_EQ(to_bhnd<double>(counted({5, 4}), "nd").shape(), (Shape{1, 1, 5, 4}));
}

TEST(Layout, without_one_four_axes_and_two_have_a_meaning_and_three_have_none) {
  EXPECT_EQ(to_bhnd<float>(counted({2, 3, 5, 4}), "").shape(), (Shape{2, 3, 5, 4}));
  EXPECT_EQ(to_bhnd<half>(counted({5, 4}), "").shape(), (Shape{1, 1, 5, 4}));
  EXPECT_EQ(error_of([] {
              to_bhnd<float>(counted({2, 3, 5}), "");
            }),
            "tensor 'q' has shape [2, 3, 5]; say what its axes are with metadata layout: hnd, nhd or bnd");
  EXPECT_EQ(error_of([] {
              to_bhnd<float>(counted({2, 3, 5}), "bhnd");
            }),
            "tensor 'q' has shape [2, 3, 5]; layout bhnd has 4 axes");
  EXPECT_NE(error_of([] { to_bhnd<float>(counted({7}), ""); }).find("it must be [batch, heads, tokens, dim]"),
            std::string::npos);
}

}  // namespace
}  // namespace llsa::files
