#include "llsa/tensor.hpp"

#include <map>

#include "support/check.hpp"
#include "support/strided_tensor.hpp"

namespace llsa::testing {
namespace {

TEST(Tensor, is_contiguous_with_dim_fastest) {
  Tensor<float> tensor({2, 3, 4, 5});
  float next = 0;
  for (float& e : tensor.flat()) e = next++;
  EXPECT_EQ(tensor(1, 2, 3, 4), 119);
  EXPECT_EQ(tensor(1, 0, 0, 0), 60);
  EXPECT_EQ(tensor(0, 1, 0, 0), 20);
  EXPECT_EQ(tensor(0, 0, 1, 0), 5);
  EXPECT_EQ(tensor.view().head(4)(3, 2), tensor(1, 1, 3, 2));
  EXPECT_EQ(tensor.view().head(1, 1).row(3)[2], tensor(1, 1, 3, 2));
  EXPECT_EQ(tensor.shape().size(), 120);
}

TEST(TensorView, every_layout_shows_every_element_once) {
  const Shape shape{2, 3, 4, 5};
  for (const Layout layout : output_layouts) {
    StridedTensor<float> tensor(shape, layout);
    EXPECT_TRUE(tensor.is_untouched()) << name_of(layout);
    float next = 0;
    for_each_index(shape, [&](auto b, auto h, auto t, auto d) { tensor.view()(b, h, t, d) = next++; });
    next = 0;
    for_each_index(shape, [&](auto b, auto h, auto t, auto d) {
      EXPECT_EQ(tensor.cview()(b, h, t, d), next) << name_of(layout);
      EXPECT_EQ(tensor.cview().head(b * 3 + h)(t, d), next++) << name_of(layout);
    });
    EXPECT_TRUE(tensor.gaps_are_untouched()) << name_of(layout);
    EXPECT_FALSE(tensor.is_untouched()) << name_of(layout);
  }
}

TEST(StridedTensor, notices_a_write_into_a_gap) {
  StridedTensor<float> tensor({1, 1, 4, 5}, Layout::padded);
  tensor.view().data[5] = 1;  // just behind the first token
  EXPECT_FALSE(tensor.gaps_are_untouched());
}

TEST(TensorView, a_zero_stride_shows_one_head_many_times) {
  StridedTensor<float> tensor({2, 3, 4, 5}, Layout::broadcast_heads);
  tensor.view()(1, 2, 3, 4) = 7;
  EXPECT_EQ(tensor.cview()(1, 0, 3, 4), 7);
  EXPECT_EQ(tensor.cview()(1, 1, 3, 4), 7);
}

TEST(TensorView, has_strides_of_one_element_until_told_otherwise) {
  EXPECT_EQ(TensorView<float>().strides, (Strides{.batch = 0, .heads = 0, .tokens = 0, .dim = 1}));
  const HeadView<float> head;
  EXPECT_EQ(std::vector<std::int64_t>({head.tokens, head.dim, head.token_stride, head.dim_stride}),
            std::vector<std::int64_t>({0, 0, 0, 1}));
}

}  // namespace
}  // namespace llsa::testing
