// The options by which every program takes how to attend.
#include "program/attention_options.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "../files/support.hpp"

namespace llsa::program {
namespace {

using files::testing::error_of;

/// What a command with all the options makes of a command line, and the options that it heard of.
struct Parsed {
  AttentionArguments arguments;
  std::vector<std::string> given;

  explicit Parsed(const std::string& line) {
    CLI::App command;
    add_attention_options(command, arguments,
                          {.order = true, .on_given = [this](const std::string& option) { given.push_back(option); }});
    command.parse(line);
  }
};

TEST(AttentionOptions, each_is_laid_over_the_choice_and_heard_of_by_name) {
  const Parsed parsed(
      "--method vsa --order hilbert --block-size 8 --levels 3 --top-k 4,3,2 --enrichment-levels 1 --no-reweight "
      "--coverage disjoint --scale 0.5");
  const AttentionChoice choice = choice_of(parsed.arguments);
  EXPECT_EQ(choice.method, "vsa");
  EXPECT_EQ(choice.order, "hilbert");
  EXPECT_EQ(choice.options.block_size, 8);
  EXPECT_EQ(choice.options.levels, 3);
  EXPECT_EQ(choice.options.top_k, (std::vector<std::int64_t>{4, 3, 2}));
  EXPECT_EQ(choice.options.enrichment_levels, 1);
  EXPECT_FALSE(choice.options.reweight);
  EXPECT_EQ(choice.options.coverage, Coverage::disjoint);
  EXPECT_EQ(choice.options.scale, 0.5);
  std::vector<std::string> given = parsed.given;
  std::ranges::sort(given);
  EXPECT_EQ(given, (std::vector<std::string>{"--block-size", "--coverage", "--enrichment-levels", "--levels",
                                             "--method", "--no-reweight", "--order", "--scale", "--top-k"}));
}

TEST(AttentionOptions, what_is_not_said_leaves_the_choice_as_it_was) {
  AttentionChoice choice{.method = "sla", .order = "morton"};
  choice.options = {.block_size = 4,
                    .levels = 2,
                    .top_k = {3, 1},
                    .enrichment_levels = 1,
                    .reweight = false,
                    .coverage = Coverage::disjoint,
                    .scale = 0.25};
  lay_over(Parsed("").arguments, choice);
  EXPECT_EQ(choice.method, "sla");
  EXPECT_EQ(choice.order, "morton");
  EXPECT_EQ(choice.options.block_size, 4);
  EXPECT_EQ(choice.options.levels, 2);
  EXPECT_EQ(choice.options.top_k, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(choice.options.enrichment_levels, 1);
  EXPECT_FALSE(choice.options.reweight);
  EXPECT_EQ(choice.options.coverage, Coverage::disjoint);
  EXPECT_EQ(choice.options.scale, 0.25);
  lay_over(Parsed("--levels auto --enrichment-levels auto").arguments, choice);
  EXPECT_EQ(choice.options.levels, std::nullopt) << "auto is said, and takes a number back";
  EXPECT_EQ(choice.options.enrichment_levels, std::nullopt);
}

TEST(AttentionOptions, what_is_no_number_is_refused_by_option_and_value) {
  EXPECT_EQ(error_of([] { Parsed("--levels two"); }).find("--levels is 'two'; it must be auto or a whole number"), 0u);
  EXPECT_EQ(error_of([] { Parsed("--top-k 8,,4"); }).find("--top-k is '8,,4'; it must be a whole number"), 0u);
}

}  // namespace
}  // namespace llsa::program
