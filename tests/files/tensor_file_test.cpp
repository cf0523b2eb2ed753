#include "files/tensor_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "files/npy.hpp"
#include "files/safetensors.hpp"
#include "support.hpp"
#include "tensor_generators.hpp"

namespace llsa::files {
namespace {

using namespace testing;

template <class T>
NamedTensor named(std::vector<std::int64_t> shape, std::vector<T> values) {
  return NamedTensor("q", std::move(shape), std::span<const T>(values));
}

RC_GTEST_PROP(TensorFile, a_tensor_of_four_axes_survives_the_way_through_a_file_from_any_strides, ()) {
  static const TemporaryFolder folder;
  const auto extent = rc::gen::inRange<std::int64_t>(0, 5);
  const Shape shape{*extent, *extent, *extent, *extent};
  Tensor<float> transposed({shape.batch, shape.tokens, shape.heads, shape.dim});
  for (std::size_t i = 0; i < transposed.flat().size(); ++i) transposed.flat()[i] = static_cast<float>(i) + 0.25f;
  const TensorView<const float> view(transposed.data(), shape,
                                     {shape.tokens * shape.heads * shape.dim, shape.dim, shape.heads * shape.dim, 1});
  write_safetensors(folder / "x", std::vector{from_tensor("q", view)});
  const Tensor<float> back = to_tensor<float>(read_tensor_file(folder / "x").at("q"));
  RC_ASSERT(back.shape() == shape);
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t h = 0; h < shape.heads; ++h)
      for (std::int64_t t = 0; t < shape.tokens; ++t)
        for (std::int64_t d = 0; d < shape.dim; ++d) RC_ASSERT(back(b, h, t, d) == transposed(b, t, h, d));
}

TEST(TensorFile, two_axes_are_tokens_and_dim_of_one_head) {
  const Tensor<double> tensor = to_tensor<double>(named<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(tensor.shape(), (Shape{1, 1, 2, 3}));
  EXPECT_EQ(tensor(0, 0, 1, 0), 4);
}

TEST(TensorFile, other_ranks_and_integers_are_refused_by_name) {
  const std::string wanted = "; it must be [batch, heads, tokens, dim] or [tokens, dim]";
  EXPECT_EQ(error_of([] { to_tensor<float>(named<float>({}, {1})); }), "tensor 'q' has shape []" + wanted);
  EXPECT_EQ(error_of([] { to_tensor<float>(named<float>({1}, {1})); }), "tensor 'q' has shape [1]" + wanted);
  EXPECT_EQ(error_of([] {
              to_tensor<float>(named<float>({1, 1, 1}, {1}));
            }),
            "tensor 'q' has shape [1, 1, 1]" + wanted);
  EXPECT_EQ(error_of([] {
              to_tensor<float>(named<float>({1, 1, 1, 1, 1}, {1}));
            }),
            "tensor 'q' has shape [1, 1, 1, 1, 1]" + wanted);
  EXPECT_EQ(error_of([] {
              to_tensor<float>(named<std::int32_t>({1, 1}, {1}));
            }),
            "tensor 'q' is I32; it must be F16, BF16, F32 or F64");
}

TEST(TensorFile, conversion_between_floating_types_rounds_and_keeps_what_is_not_finite) {
  const double infinity = std::numeric_limits<double>::infinity();
  const NamedTensor doubles = named<double>({1, 5}, {1.0 / 3, 1e30, -infinity, std::nan(""), -0.0});
  const Tensor<float> floats = to_tensor<float>(doubles);
  EXPECT_EQ(floats(0, 0, 0, 0), 1.0f / 3);
  EXPECT_EQ(floats(0, 0, 0, 2), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(floats(0, 0, 0, 3)));
  EXPECT_TRUE(std::signbit(floats(0, 0, 0, 4)));
  const Tensor<half> halves = to_tensor<half>(doubles);
  EXPECT_EQ(halves(0, 0, 0, 0).bits, 0x3555);
  EXPECT_EQ(halves(0, 0, 0, 1).bits, 0x7c00);
  const Tensor<bfloat16> brains = to_tensor<bfloat16>(doubles);
  EXPECT_EQ(brains(0, 0, 0, 0).bits, 0x3eab);
  EXPECT_TRUE(std::isnan(static_cast<float>(brains(0, 0, 0, 3))));
  EXPECT_EQ(to_tensor<double>(from_tensor("h", halves))(0, 0, 0, 0), 0.333251953125);
}

TEST(TensorFile, elements_are_handed_out_in_their_own_type_only) {
  const NamedTensor tensor = named<std::int32_t>({2}, {-7, 5});
  EXPECT_EQ(tensor.as<std::int32_t>()[0], -7);
  EXPECT_EQ(error_of([&] { tensor.as<float>(); }), "tensor 'q' is I32; it must be F32");
  EXPECT_EQ(error_of([&] { tensor.as<std::int64_t>(); }), "tensor 'q' is I32; it must be I64");
  EXPECT_EQ(tensor.integers(), (std::vector<std::int64_t>{-7, 5}));
  EXPECT_EQ(tensor.numbers(), (std::vector<double>{-7, 5}));
  EXPECT_EQ(named<std::int64_t>({1}, {1ll << 40}).integers(), std::vector<std::int64_t>{1ll << 40});
  EXPECT_EQ(error_of([] { named<float>({1}, {1}).integers(); }), "tensor 'q' is F32; it must be I32 or I64");
  EXPECT_EQ(named<half>({2}, {half(1.5f), half(-2.f)}).numbers(), (std::vector<double>{1.5, -2}));
}

TEST(TensorFile, a_shape_that_does_not_belong_to_the_bytes_is_refused) {
  EXPECT_EQ(error_of([] { named<float>({3}, {1, 2}); }), "tensor 'q' has 8 bytes; shape [3] of F32 takes 12");
  EXPECT_EQ(error_of([] { named<float>({-1}, {}); }), "shape [-1] has a negative extent");
  EXPECT_EQ(error_of([] { named<float>(std::vector<std::int64_t>(33, 1), {1}); }),
            "33 dimensions; at most 32 are allowed");
  EXPECT_EQ(named<float>({6}, {1, 2, 3, 4, 5, 6}).reshaped({2, 3}).shape(), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(error_of([] {
              named<float>({2}, {1, 2}).reshaped({3});
            }),
            "tensor 'q' of shape [2] cannot take shape [3]: the number of elements differs");
}

TEST(TensorFile, the_largest_countable_shape_is_accepted_and_one_more_is_not) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const auto count = [](std::vector<std::int64_t> shape, std::size_t size) {
    return checked_element_count(shape, size);
  };
  EXPECT_EQ(count({most}, 1), most);
  EXPECT_EQ(count({most / 4}, 4), most / 4);
  EXPECT_EQ(count({most, 0}, 1), 0);
  EXPECT_EQ(count({}, 8), 1);
  EXPECT_NE(error_of([&] { count({most / 4 + 1}, 4); }), "nothing was thrown");
  EXPECT_NE(error_of([&] { count({0, most, 2}, 1); }), "nothing was thrown");
}

TEST(TensorFile, the_format_is_told_by_content_and_a_missing_name_lists_those_that_exist) {
  const TemporaryFolder folder;
  const NamedTensor tensor = named<float>({1}, {1});
  write_npy(folder / "query.bin", tensor);
  EXPECT_EQ(read_tensor_file(folder / "query.bin").at("query").shape(), std::vector<std::int64_t>{1});
  write_safetensors(folder / "pair.npy", std::vector{tensor, tensor.renamed("k\n")}, {{"order", "raster"}});
  const TensorFile pair = read_tensor_file(folder / "pair.npy");
  EXPECT_EQ(pair.metadata.at("order"), "raster");
  EXPECT_EQ(pair.find("v"), nullptr);
  EXPECT_EQ(error_of([&] { pair.at("v"); }), "there is no tensor 'v'; there is 'q', 'k\\x0a'");
  EXPECT_EQ(error_of([] { TensorFile{}.at("v"); }), "there is no tensor 'v'; there is none at all");
  for (const char* text : {"", "short", "neither this nor that"}) {
    write_text(folder / "other", text);
    EXPECT_EQ(error_of([&] { read_tensor_file(folder / "other"); }),
              (folder / "other").string() +
                  ": neither a .npy nor a .safetensors file: it must begin with \\x93NUMPY, " +
                  "or have '{' as its ninth byte");
  }
}

}  // namespace
}  // namespace llsa::files
