#include "llsa/option_metadata.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "llsa/error.hpp"

namespace llsa {
namespace {

/// Options of a problem with `tokens` tokens, as they come back from their metadata.
ResolvedOptions there_and_back(const Options& options, std::int64_t tokens) {
  const Shape shape{.batch = 1, .heads = 1, .tokens = tokens, .dim = 3};
  return resolve(options_from(option_metadata(resolve(options, shape, shape, shape))), shape, shape, shape);
}

RC_GTEST_PROP(OptionMetadata, brings_every_option_back, ()) {
  Options options{.block_size = *rc::gen::inRange(2, 9), .levels = *rc::gen::inRange(0, 4)};
  options.top_k.clear();
  for (int level = 0; level < std::max(1, *options.levels); ++level) options.top_k.push_back(*rc::gen::inRange(1, 20));
  options.enrichment_levels = *rc::gen::inRange(0, *options.levels + 1);
  options.reweight = *rc::gen::arbitrary<bool>();
  options.coverage = *rc::gen::element(Coverage::overlapping, Coverage::disjoint);
  options.scale = *rc::gen::inRange(1, 1000) / 7.0;
  const Shape shape{.batch = 1, .heads = 1, .tokens = 700, .dim = 3};
  const ResolvedOptions want = resolve(options, shape, shape, shape), got = there_and_back(options, 700);
  RC_ASSERT(got.block_size == want.block_size);
  RC_ASSERT(got.levels == want.levels);
  RC_ASSERT(got.top_k == want.top_k);
  RC_ASSERT(got.enrichment_levels == want.enrichment_levels);
  RC_ASSERT(got.reweight == want.reweight);
  RC_ASSERT(got.coverage == want.coverage);
  RC_ASSERT(got.scale == want.scale);
}

TEST(OptionMetadata, leaves_defaults_where_nothing_is_said) {
  const Options options = options_from({{"grid", "8x8"}, {"top_k", "8,4"}});
  EXPECT_EQ(options.block_size, Options{}.block_size);
  EXPECT_FALSE(options.levels.has_value());
  EXPECT_EQ(options.top_k, (std::vector<std::int64_t>{8, 4}));
}

TEST(OptionMetadata, equal_numbers_are_read_as_one_that_fits_any_number_of_levels) {
  EXPECT_EQ(options_from({{"levels", "2"}, {"top_k", "8,8"}}).top_k, (std::vector<std::int64_t>{8}));
  EXPECT_FALSE(options_from({{"levels", "2"}, {"enrichment_levels", "2"}}).enrichment_levels);
  EXPECT_EQ(options_from({{"levels", "2"}, {"enrichment_levels", "1"}}).enrichment_levels, 1);
  EXPECT_EQ(options_from({{"enrichment_levels", "1"}}).enrichment_levels, 1);
}

TEST(OptionMetadata, a_choice_is_read_only_where_a_file_says_how_it_attended) {
  EXPECT_FALSE(choice_from({{"method", "vsa"}, {"levels", "2"}}));
  const auto choice = choice_from({{"block_size", "4"}, {"attention", "topk"}, {"top_k", "5"}});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->method, "topk");
  EXPECT_EQ(choice->options.block_size, 4);
  EXPECT_EQ(choice->options.top_k, (std::vector<std::int64_t>{5}));
  EXPECT_EQ(choice_from({{"block_size", "4"}, {"method", "vsa"}})->method, "vsa");
  EXPECT_EQ(choice_from({{"block_size", "4"}})->method, "llsa");
  EXPECT_THROW(choice_from({{"block_size", "4"}, {"method", "magic"}}), Error);
}

TEST(OptionMetadata, names_what_is_not_a_value) {
  for (const auto& [key, text] : {std::pair{"block_size", "16x"},
                                  {"levels", ""},
                                  {"top_k", "8,,4"},
                                  {"top_k", "8,"},
                                  {"enrichment_levels", "all"},
                                  {"reweight", "yes"},
                                  {"coverage", "half"},
                                  {"scale", "1/8"}}) {
    try {
      options_from({{key, text}});
      ADD_FAILURE() << key << " " << text;
    } catch (const Error& problem) {
      EXPECT_NE(std::string(problem.what()).find(std::string("'") + text + "'"), std::string::npos) << problem.what();
    }
  }
}

TEST(OptionMetadata, shows_the_first_sixty_characters_of_what_is_not_a_value) {
  try {
    options_from({{"scale", std::string(60, 'a').append("z")}});
    ADD_FAILURE();
  } catch (const Error& problem) {
    EXPECT_EQ(std::string(problem.what()), "metadata 'scale' is '" + std::string(60, 'a') + "'; it must be a number");
  }
}

}  // namespace
}  // namespace llsa
