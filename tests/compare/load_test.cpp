// Problems from files: shapes, types, names, and one line for each thing that is wrong.
#include "compare/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "compare/outcome_file.hpp"
#include "compare/verify/theirs.hpp"
#include "files/npy.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "support/temporary_folder.hpp"
#include "verify/planted.hpp"

namespace llsa::compare {
namespace {

using namespace verify;

using files::NamedTensor;
using ::testing::HasSubstr;

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

template <class T>
NamedTensor tensor(const std::string& name, std::vector<std::int64_t> shape, T first = T(0)) {
  std::vector<T> values(static_cast<std::size_t>(files::checked_element_count(shape)));
  if (!values.empty()) values.front() = first;
  return {name, shape, std::span<const T>(values)};
}

class Load : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string safetensors(const std::string& name, const std::vector<NamedTensor>& tensors) const {
    files::write_safetensors(path(name), tensors);
    return path(name);
  }
  std::string npy(const std::string& name, const NamedTensor& t) const {
    files::write_npy(path(name), t);
    return path(name);
  }

 private:
  room::TemporaryFolder folder_;
};

TEST_F(Load, takes_two_and_four_dimensions_of_every_floating_type) {
  ProblemFiles files{.query = npy("q.npy", tensor<half>("q", {6, 4}, half(1.5f))),
                     .key = npy("k.npy", tensor<double>("k", {1, 1, 9, 4}, 0.1)),
                     .value = safetensors("v.safetensors", {tensor<bfloat16>("anything", {9, 3}, bfloat16(2.f))})};
  const auto loaded = load_problem<float>(files, {});
  EXPECT_EQ(loaded.problem.query.shape(), (Shape{1, 1, 6, 4}));
  EXPECT_EQ(loaded.problem.value.shape(), (Shape{1, 1, 9, 3}));
  EXPECT_EQ(loaded.problem.query(0, 0, 0, 0), 1.5f);
  EXPECT_EQ(loaded.problem.key(0, 0, 0, 0), 0.1f);
  EXPECT_EQ(loaded.problem.value(0, 0, 0, 0), 2.f);
  EXPECT_FALSE(loaded.problem.has_gradient());
  EXPECT_EQ(loaded.stored[0].type, files::ElementType::f16);
  EXPECT_EQ(coarsest_type(loaded.stored), DType::bf16);
}

TEST_F(Load, takes_all_from_one_file_and_gradients_by_name) {
  const std::string file =
      safetensors("all.safetensors",
                  {tensor<float>("q", {2, 3, 5, 4}), tensor<float>("k", {2, 3, 7, 4}), tensor<float>("v", {2, 3, 7, 2}),
                   tensor<float>("grad_output", {2, 3, 5, 2}, 3.f), tensor<float>("grad_lse", {2, 3, 5}, 4.f)});
  const auto loaded = load_problem<double>({.input = file, .output_gradient = file, .lse_gradient = file}, {});
  EXPECT_EQ(loaded.problem.output_gradient(0, 0, 0, 0), 3);
  EXPECT_EQ(loaded.problem.lse_gradient.shape(), (Shape{2, 3, 5, 1}));
  EXPECT_EQ(loaded.problem.lse_gradient(0, 0, 0, 0), 4);
}

TEST_F(Load, refuses_what_does_not_belong_together) {
  const auto error = [&](const ProblemFiles& files, const Options& options = {}) {
    return message_of([&] { load_problem<float>(files, {.options = options}); });
  };
  const std::string q = npy("q.npy", tensor<float>("q", {8, 4})), k = npy("k.npy", tensor<float>("k", {8, 4})),
                    k3 = npy("k3.npy", tensor<float>("k", {8, 3}));
  const std::string v7 = npy("v7.npy", tensor<float>("v", {7, 4})),
                    ints = npy("i.npy", tensor<std::int32_t>("i", {8, 4})),
                    cube = npy("c.npy", tensor<float>("c", {2, 8, 4}));
  const std::string empty = npy("e.npy", tensor<float>("e", {0, 4}));
  EXPECT_THAT(error({}), HasSubstr("inputs are missing: give --input"));
  EXPECT_THAT(error({.query = q, .key = k}), HasSubstr("inputs are missing"));
  EXPECT_THAT(error({.input = q, .query = q, .key = k, .value = k}), HasSubstr("not both"));
  EXPECT_THAT(error({.input = q}), HasSubstr("there is no tensor 'k'"));
  EXPECT_THAT(error({.query = q, .key = k3, .value = k}),
              HasSubstr("key has shape [1, 1, 8, 3] and query [1, 1, 8, 4]"));
  EXPECT_THAT(error({.query = q, .key = k, .value = v7}), HasSubstr("value has shape [1, 1, 7, 4]"));
  EXPECT_THAT(error({.query = ints, .key = k, .value = k}), HasSubstr("q is I32; it must be F16, BF16, F32 or F64"));
  EXPECT_THAT(error({.query = cube, .key = k, .value = k}),
              HasSubstr("has shape [2, 8, 4]; say what its axes are with metadata layout: hnd, nhd or bnd"));
  EXPECT_THAT(error({.query = empty, .key = k, .value = k}), HasSubstr("every extent must be at least 1"));
  EXPECT_THAT(error({.query = path("none.npy"), .key = k, .value = k}), HasSubstr("none.npy"));
  EXPECT_THAT(error({.query = q, .key = k, .value = k, .lse_gradient = q}),
              HasSubstr("--grad-lse is given without --grad-output"));
  EXPECT_THAT(error({.query = q, .key = k, .value = k, .output_gradient = v7}),
              HasSubstr("grad_output has shape [1, 1, 7, 4]; it must be [1, 1, 8, 4]"));
  EXPECT_THAT(error({.query = q, .key = k, .value = k, .output_gradient = q, .lse_gradient = q}),
              HasSubstr("grad_lse has shape [8, 4]; it must be [batch, heads, tokens]"));
  EXPECT_THAT(error({.query = q, .key = k, .value = k}, {.block_size = 1}), HasSubstr("block_size is 1"));
}

TEST(OutcomeFile, pads_indices_to_the_top_k_that_was_asked_for) {
  const Problem<double> p =
      ragged_problem([](BatteryCase& c) { c.options = {.block_size = 16, .levels = 1, .top_k = {20}}; });
  const Outcome<double> outcome = compute(p, {});
  ASSERT_EQ(outcome.selection.level(1).width, 13);
  const auto tensors = outcome_tensors(outcome);
  ASSERT_EQ(tensors.size(), 6u);
  EXPECT_EQ(tensors[1].shape(), (std::vector<std::int64_t>{1, 2, 203}));
  EXPECT_EQ(tensors[2].name(), "indices_1");
  EXPECT_EQ(tensors[2].shape(), (std::vector<std::int64_t>{1, 2, 13, 20}));
  const auto indices = tensors[2].as<std::int32_t>();
  for (std::size_t row = 0; row < 26; ++row)
    for (std::size_t n = 0; n < 20; ++n)
      EXPECT_EQ(indices[row * 20 + n], n < 13 ? outcome.selection.level(1).indices[row * 13 + n] : -1);
}

TEST(OutcomeFile, refuses_padding_out_of_all_proportion) {
  const Problem<double> p =
      ragged_problem([](BatteryCase& c) { c.options = {.block_size = 16, .levels = 1, .top_k = {2'000'000'000}}; });
  EXPECT_THAT(message_of([&] { outcome_tensors(compute(p, {})); }), HasSubstr("top_k for level 1 is 2000000000"));
}

TEST(Theirs, shapes_are_checked_and_other_layouts_recognised) {
  const Problem<double> p = ragged_problem();
  const auto error = [&](const std::vector<NamedTensor>& tensors) {
    return message_of([&] { read_theirs({tensors, {}}, p); });
  };
  EXPECT_THAT(error({tensor<float>("o", {1, 2, 203, 7})}),
              HasSubstr("theirs: o has shape [1, 2, 203, 7]; it must be [1, 2, 203, 8]"));
  EXPECT_THAT(error({tensor<float>("o", {1, 203, 2, 8})}),
              HasSubstr("looks like [batch, tokens, heads, ...]: transpose it"));
  EXPECT_THAT(error({tensor<float>("dk", {1, 2, 8, 203})}), HasSubstr("looks like [batch, heads, dim, tokens]"));
  EXPECT_THAT(error({tensor<float>("lse", {1, 2, 202})}),
              HasSubstr("lse has shape [1, 2, 202]; it must be [1, 2, 203]"));
  EXPECT_THAT(error({tensor<std::int32_t>("o", {1, 2, 203, 8})}), HasSubstr("theirs: o is I32"));
  EXPECT_THAT(error({tensor<float>("indices_1", {1, 2, 51, 3})}), HasSubstr("indices_1 is F32; it must be I32 or I64"));
  EXPECT_THAT(error({tensor<std::int32_t>("indices_1", {1, 2, 50, 3})}), HasSubstr("it must be [1, 2, 51, 3]"));
  EXPECT_THAT(error({tensor<std::int32_t>("indices_3", {1, 2, 4, 3})}), HasSubstr("the options resolve to 2 levels"));
  EXPECT_THAT(error({tensor<float>("out", {1, 2, 203, 8})}),
              HasSubstr("theirs holds none of o, lse, indices_1 ..., dq, dk, dv; it holds: out"));
  EXPECT_THAT(error({}), HasSubstr("it holds: nothing"));
}

TEST(Theirs, takes_any_subset_of_any_type) {
  const Problem<double> p = ragged_problem();
  const Theirs theirs =
      read_theirs({{tensor<half>("o", {1, 2, 203, 8}), tensor<float>("lse", {1, 2, 203, 1}),
                    tensor<std::int64_t>("indices_2", {1, 2, 13, 6}, 1LL << 40), tensor<float>("comment", {1})},
                   {}},
                  p);
  EXPECT_EQ(theirs.find("o")->stored, DType::f16);
  EXPECT_EQ(theirs.find("dq"), nullptr);
  EXPECT_EQ(theirs.indices.at(2).width, 6);
  EXPECT_GT(theirs.indices.at(2).indices.front(), 1000) << "not wrapped into something valid";
  EXPECT_THAT(theirs.ignored, ::testing::ElementsAre("comment"));
}

TEST_F(Load, names_what_it_read_by_what_it_is_for) {
  const std::string file =
      safetensors("all.safetensors",
                  {tensor<float>("q", {2, 3, 5, 4}), tensor<double>("k", {2, 3, 7, 4}), tensor<half>("v", {2, 3, 7, 2}),
                   tensor<float>("grad_output", {2, 3, 5, 2}), tensor<bfloat16>("grad_lse", {2, 3, 5})});
  const auto loaded = load_problem<double>({.input = file, .output_gradient = file, .lse_gradient = file}, {});
  std::vector<std::string> names;
  for (const StoredTensor& each : loaded.stored) names.push_back(each.name);
  EXPECT_THAT(names, ::testing::ElementsAre("q", "k", "v", "grad_output", "grad_lse"));
  EXPECT_EQ(loaded.stored[4].type, files::ElementType::bf16);
  EXPECT_EQ(loaded.stored[4].shape, (std::vector<std::int64_t>{2, 3, 5}));
  EXPECT_EQ(loaded.stored[0].layout, "bhnd");
}

}  // namespace
}  // namespace llsa::compare
