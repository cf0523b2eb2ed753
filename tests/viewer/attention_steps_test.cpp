#include "viewer/model/attention_steps.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "files/safetensors.hpp"
#include "llsa/method.hpp"
#include "small_problem.hpp"
#include "viewer/model/commands.hpp"

namespace llsa::viewer {
namespace {

TEST(AttentionSteps, block_sizes_go_over_powers_of_two) {
  EXPECT_EQ(step_block_size(16, true), 32);
  EXPECT_EQ(step_block_size(16, false), 8);
  EXPECT_EQ(step_block_size(17, true), 32);
  EXPECT_EQ(step_block_size(17, false), 16);
  EXPECT_EQ(step_block_size(31, true), 32);
  EXPECT_EQ(step_block_size(2, false), 2);
  EXPECT_EQ(step_block_size(3, false), 2);
  EXPECT_EQ(step_block_size(largest_block_size, true), largest_block_size);
  EXPECT_EQ(step_block_size(largest_block_size - 1, true), largest_block_size);
}

TEST(AttentionSteps, other_levels_take_along_what_depends_on_them) {
  Options options{.block_size = 4, .levels = 3, .top_k = {2, 3, 4}, .enrichment_levels = 3};
  choose_levels(options, 2);
  EXPECT_EQ(options.top_k, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(options.enrichment_levels, 2);
  choose_levels(options, 4);
  EXPECT_EQ(options.top_k, (std::vector<std::int64_t>{2, 3, 3, 3}));
  EXPECT_EQ(options.enrichment_levels, 2);
  choose_levels(options, std::nullopt);
  EXPECT_EQ(options.levels, std::nullopt);
  EXPECT_EQ(options.top_k, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(options.enrichment_levels, std::nullopt);
  options.top_k = {7};
  choose_levels(options, 3);
  EXPECT_EQ(options.top_k, (std::vector<std::int64_t>{7})) << "one K for all stays one";
  choose_levels(options, 0);
  EXPECT_EQ(options.levels, 0);
}

class Keys : public ::testing::Test {
 protected:
  void SetUp() override {
    Tensor<float> tensor({2, 3, 16, 4});
    for (std::size_t i = 0; i < tensor.flat().size(); ++i) tensor.flat()[i] = static_cast<float>(i * 37 % 19) / 19;
    std::vector<files::NamedTensor> tensors;
    for (const char* name : {"layer.0.q", "layer.0.k", "layer.0.v", "layer.1.q", "layer.1.k", "layer.1.v"})
      tensors.push_back(files::from_tensor(name, tensor));
    files::write_safetensors(folder_ / "sets.safetensors", tensors, {{"grid", "4x4"}, {"order", "raster"}});
    work.open({folder_ / "sets.safetensors"}, {});
    work.side(0).settings.how.options = {.block_size = 4, .levels = 1, .top_k = {2}};
    work.finish();
  }
  void type(std::u32string_view keys) {
    for (const char32_t key : keys) EXPECT_TRUE(type_character(key, work, requests)) << static_cast<int>(key);
  }
  Settings& settings(int side = 0) { return work.side(side).settings; }

  TemporaryFolder folder_;
  Workspace work{1};
  Requests requests;
};

TEST_F(Keys, choose_head_and_set_of_both_sides_within_what_there_is) {
  type(U"h");
  EXPECT_EQ(settings(0).head, 1);
  EXPECT_EQ(settings(1).head, 1);
  type(U"hhh");
  EXPECT_EQ(settings().head, 2);
  type(U"H");
  EXPECT_EQ(settings().head, 1);
  type(U"HHH");
  EXPECT_EQ(settings().head, 0);
  type(U"s");
  EXPECT_EQ(settings(0).set, 1);
  EXPECT_EQ(settings(1).set, 1);
  type(U"s");
  EXPECT_EQ(settings().set, 1);
  type(U"S");
  EXPECT_EQ(settings().set, 0);
}

TEST_F(Keys, change_b_k_l_and_method_of_the_shown_side_alone) {
  type(U"b");
  EXPECT_EQ(settings().how.options.block_size, 8);
  type(U"BB");
  EXPECT_EQ(settings().how.options.block_size, 2);
  type(U"kk");
  EXPECT_EQ(settings().how.options.top_k, (std::vector<std::int64_t>{4}));
  type(U"KKKKKK");
  EXPECT_EQ(settings().how.options.top_k, (std::vector<std::int64_t>{1}));
  type(U"]");
  EXPECT_EQ(settings().how.options.levels, 2);
  type(U"[[[[");
  EXPECT_EQ(settings().how.options.levels, 0);
  const std::vector<std::string> names = method_names();
  ASSERT_EQ(settings().how.method, "llsa");
  for (std::size_t i = 1; i <= names.size(); ++i) {
    type(U"n");
    const auto at = static_cast<std::size_t>(std::ranges::find(names, "llsa") - names.begin());
    EXPECT_EQ(settings().how.method, names[(at + i) % names.size()]);
  }
  type(U"N");
  EXPECT_NE(settings().how.method, "llsa");
  const AttentionChoice other = settings(1).how;
  EXPECT_EQ(other.options.levels, 0);
  work.view.compare = true;
  work.swap_sides();
  type(U"]");
  EXPECT_EQ(settings(1).how.options.levels, 1);
}

TEST_F(Keys, levels_step_on_from_the_automatic_number) {
  choose_levels(settings().how.options, std::nullopt);
  work.finish();
  ASSERT_EQ(work.query()->head->levels(), 0);
  type(U"]");
  EXPECT_EQ(settings().how.options.levels, 1);
}

TEST(AttentionStepsAlone, nothing_happens_without_a_document_or_a_choice) {
  Workspace work(1);
  EXPECT_FALSE(step_head(work, 1) || step_set(work, 1));
  work.side(0).settings.how.method = "full";
  EXPECT_FALSE(step_block_size(work, true) || step_top_k(work, 1) || step_levels(work, 1));
  work.side(0).settings.how.method = "topk";
  EXPECT_FALSE(step_levels(work, 1));
  EXPECT_TRUE(step_top_k(work, 1));
}

}  // namespace
}  // namespace llsa::viewer
