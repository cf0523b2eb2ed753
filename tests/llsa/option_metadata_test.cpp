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
