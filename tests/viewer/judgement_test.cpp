// A kernel's outputs judged in the window, and a document of its own for side B.
#include "viewer/model/judgement.hpp"

#include <gtest/gtest.h>

#include "files/safetensors.hpp"
#include "reference/attention.hpp"
#include "small_problem.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {
namespace {

using Tensors = std::vector<files::NamedTensor>;

/// Q, K, V of two query heads that share a key head, on a grid of 8 x 8, in Morton order, and what attention makes of
/// them.
class KernelOutputs : public ::testing::Test {
 protected:
  void SetUp() override {
    Tensors inputs;
    int number = 0;
    for (Tensor<float>* tensor : {&query_, &key_, &value_}) {
      for (std::size_t i = 0; i < tensor->flat().size(); ++i)
        tensor->flat()[i] = static_cast<float>((i * 7919 + static_cast<std::size_t>(number) * 31) % 101) / 50 - 1;
      inputs.push_back(files::from_tensor(std::array{"q", "k", "v"}[static_cast<std::size_t>(number++)], *tensor));
    }
    files::write_safetensors(folder_ / "qkv.safetensors", inputs, {{"grid", "8x8"}, {"order", "morton"}});
    files::write_safetensors(folder_ / "wide.safetensors", inputs, {{"grid", "4x16"}, {"order", "raster"}});
    ThreadPool threads(1);
    reference::ReferenceAttention<float> attention(threads);
    attention.forward({query_.view(), key_.view(), value_.view()}, options_, {output_.view(), lse_.view()});
    work.side(0).settings.how.options = options_;
    work.open({folder_ / "qkv.safetensors"}, {});
    work.finish();
  }

  std::filesystem::path write_outputs(const std::string& name) {
    files::write_safetensors(folder_ / name,
                             Tensors{files::from_tensor("o", output_), files::from_tensor("lse", lse_)});
    return folder_ / name;
  }

  TemporaryFolder folder_;
  Tensor<float> query_{{1, 2, 64, 8}}, key_{{1, 1, 64, 8}}, value_{{1, 1, 64, 8}}, output_{{1, 2, 64, 8}},
      lse_{{1, 2, 64, 1}};
  Options options_{.block_size = 4, .levels = 1, .top_k = {3}};
  Workspace work{1};
};

TEST_F(KernelOutputs, right_ones_are_said_to_be_right) {
  work.drop({write_outputs("right.safetensors")});
  work.finish();
  EXPECT_EQ(work.judgement().problem, "");
  EXPECT_EQ(work.judgement().conclusion(), "right");
  ASSERT_EQ(work.judgement().findings().size(), 2u);
  for (const Finding& finding : work.judgement().findings()) EXPECT_EQ(finding.verdict, "right") << finding.text;
  EXPECT_TRUE(work.view.places[static_cast<std::size_t>(Panel::judgement)].open);
  EXPECT_EQ(work.document()->title, "qkv.safetensors") << "the document stays";
  EXPECT_EQ(work.session().theirs, folder_ / "right.safetensors");
}

TEST_F(KernelOutputs, a_wrong_row_is_named_and_a_click_goes_there) {
  output_.view()(0, 1, 13, 5) += 0.5f;
  work.judge(write_outputs("wrong.safetensors"));
  work.finish();
  EXPECT_EQ(work.judgement().conclusion(), "wrong");
  const Finding& finding = work.judgement().findings().front();
  EXPECT_EQ(finding.tensor, "o");
  EXPECT_EQ(finding.verdict, "wrong");
  EXPECT_FALSE(finding.text.empty());
  EXPECT_FALSE(finding.details.empty());
  ASSERT_TRUE(finding.place);
  EXPECT_EQ(finding.place->head, 1);
  EXPECT_EQ(finding.place->token, 13);
  work.go_to_finding(finding);
  work.finish();
  EXPECT_EQ(work.side(0).settings.head, 1);
  EXPECT_EQ(work.query()->position, 13) << "the file's order is the sequence's";
  EXPECT_EQ(work.view.query_cell, token_order("morton", Grid{1, 8, 8}).to_raster()[13]);
}

TEST_F(KernelOutputs, a_key_that_a_gradient_is_wrong_for_is_pinned_at_the_first_head_that_reads_it) {
  const Finding finding{.tensor = "dk", .verdict = "wrong", .text = "x", .place = Finding::Place{0, 0, 9, true}};
  work.side(0).settings.head = 1;
  work.go_to_finding(finding);
  EXPECT_EQ(work.side(0).settings.head, 0);
  EXPECT_EQ(work.pinned, (LevelToken{0, 9}));
}

TEST_F(KernelOutputs, what_cannot_be_judged_is_said_and_the_last_findings_stay) {
  work.judge(write_outputs("right.safetensors"));
  work.finish();
  output_ = Tensor<float>({1, 2, 32, 8});
  work.judge(write_outputs("short.safetensors"));
  work.finish();
  EXPECT_NE(work.judgement().problem.find("o"), std::string::npos);
  EXPECT_EQ(work.judgement().file(), folder_ / "right.safetensors");
  work.open({}, {.picture_size = Grid{1, 8, 8}});
  work.finish();
  work.judge(folder_ / "right.safetensors");
  EXPECT_NE(work.judgement().problem.find("open the Q, K, V"), std::string::npos);
  Workspace empty(1);
  empty.judge(folder_ / "right.safetensors");
  EXPECT_TRUE(empty.message_is_error);
}

TEST_F(KernelOutputs, are_told_from_other_files) {
  EXPECT_TRUE(is_kernel_output(write_outputs("o.safetensors")));
  EXPECT_FALSE(is_kernel_output(folder_ / "qkv.safetensors"));
  EXPECT_FALSE(is_kernel_output(folder_ / "absent.safetensors"));
  files::write_safetensors(folder_ / "lists.safetensors", Tensors{files::from_tensor("indices_1", lse_)});
  EXPECT_TRUE(is_kernel_output(folder_ / "lists.safetensors"));
  files::write_safetensors(folder_ / "all.safetensors",
                           Tensors{files::from_tensor("o", output_), files::from_tensor("q", query_)});
  EXPECT_FALSE(is_kernel_output(folder_ / "all.safetensors")) << "it has Q of its own";
}

TEST_F(KernelOutputs, side_b_may_show_another_document_on_the_same_grid) {
  Tensors inputs;
  for (float& x : query_.flat()) x = -x;
  for (const auto& [name, tensor] : {std::pair("q", &query_), {"k", &key_}, {"v", &value_}})
    inputs.push_back(files::from_tensor(name, *tensor));
  files::write_safetensors(
      folder_ / "other.safetensors", inputs,
      {{"grid", "8x8"}, {"order", "morton"}, {"block_size", "8"}, {"levels", "1"}, {"top_k", "2"}});
  work.open_other({folder_ / "other.safetensors"});
  work.finish();
  EXPECT_TRUE(work.view.compare);
  ASSERT_TRUE(work.other_document());
  EXPECT_EQ(work.side(1).settings.how.options.block_size, 8) << "as it was made";
  ASSERT_TRUE(work.side(1).query());
  EXPECT_EQ(work.side(1).query()->head->head->query.flat()[0], query_.flat()[0]);
  EXPECT_EQ(work.side(0).query()->head->head->query.flat()[0], -query_.flat()[0]);
  EXPECT_EQ(work.session().other_files, (std::vector<std::filesystem::path>{folder_ / "other.safetensors"}));
  Workspace later(1);
  later.start(work.session());
  later.finish();
  EXPECT_TRUE(later.other_document());
  work.close_other();
  work.finish();
  EXPECT_EQ(work.side(1).query()->head->head->query.flat()[0], -query_.flat()[0]);
}

TEST_F(KernelOutputs, another_grid_is_refused_for_side_b_and_ends_it_for_side_a) {
  work.open_other({folder_ / "wide.safetensors"});
  work.finish();
  EXPECT_TRUE(work.message_is_error);
  EXPECT_NE(work.message.find("4x16"), std::string::npos) << work.message;
  EXPECT_FALSE(work.other_document());
  work.open_other({folder_ / "qkv.safetensors"});
  work.finish();
  ASSERT_TRUE(work.other_document());
  work.open({folder_ / "wide.safetensors"}, {});
  work.finish();
  EXPECT_FALSE(work.other_document());
  EXPECT_EQ(work.side(1).problem, "");
}

}  // namespace
}  // namespace llsa::viewer
