// What llsa-compare approximate measures, against sums over every pair of tokens.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "compare/approximate/sweep.hpp"
#include "compare/key_count.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "reference/dense.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::compare::approximate {
namespace {

/// A square picture's worth of tokens, heads of dimension 4.
Input random_input(std::int64_t side, std::uint64_t seed, double magnitude = 2) {
  std::uint64_t state = seed;
  const auto random = [&] {
    Tensor<float> tensor({1, 2, side * side, 4});
    for (float& x : tensor.flat()) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      x = static_cast<float>(magnitude * (static_cast<double>(state >> 33) * 0x1p-31 * 2 - 1));
    }
    return tensor;
  };
  Input input{.name = "random", .query = random(), .key = random(), .value = random()};
  input.grid = Grid{1, side, side};
  input.order = "raster";
  input.scale = 0.8;
  return input;
}

Input random_sequence(std::int64_t tokens, std::uint64_t seed) {
  Input input = random_input(1, seed);
  const Shape shape{1, 2, tokens, 4};
  std::uint64_t state = seed + 77;
  for (Tensor<float>* tensor : {&input.query, &input.key, &input.value}) {
    *tensor = Tensor<float>(shape);
    for (float& x : tensor->flat()) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      x = static_cast<float>(static_cast<double>(state >> 33) * 0x1p-30 - 1);
    }
  }
  input.grid = {};
  input.order = "as stored";
  return input;
}

struct Selected {
  Selection selection;
  ResolvedOptions options;
};
Selected select(const Input& input, Options options) {
  ThreadPool threads(1);
  options.scale = input.scale;
  Tensor<float> output(input.value.shape()), lse({1, input.query.shape().heads, input.query.shape().tokens, 1});
  const auto state = make_attention<float>("llsa", "reference", threads)
                         ->forward(input.inputs(), options, {output.view(), lse.view()});
  return {state->selection(), state->options()};
}

/// Section 4 of the specification, counted one by one.
double counted_keys(const Selected& s, std::int64_t heads) {
  double total = 0;
  const ResolvedOptions& o = s.options;
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t i = 0; i < o.query.tokens(); ++i) {
      for (const std::int32_t c : s.selection.list(1, head, o.query.ancestor(1, i)))
        total += static_cast<double>(o.key.children(1, c).size());
      for (int level = 1; level <= o.enrichment_levels; ++level) {
        std::vector<std::int32_t> keys;
        candidates(s.selection, o, level, head, o.query.ancestor(level, i), keys);
        const auto refined = s.selection.list(level, head, o.query.ancestor(level, i));
        const std::set<std::int32_t> dropped(refined.begin(), refined.end());
        for (const std::int32_t key : keys)
          total += o.coverage == Coverage::overlapping || !dropped.contains(key) ? 1 : 0;
      }
    }
  return total / static_cast<double>(heads * o.query.tokens());
}

/// The share of dense attention on the selected fine keys, from every probability.
double counted_mass(const Selected& s, const Input& input, const std::vector<std::int64_t>& queries) {
  const Shape q = input.query.shape();
  double total = 0;
  for (std::int64_t head = 0; head < q.heads; ++head)
    for (const std::int64_t i : queries) {
      std::vector<double> weights;
      double sum = 0, selected = 0;
      for (std::int64_t j = 0; j < input.key.shape().tokens; ++j) {
        double score = 0;
        for (std::int64_t d = 0; d < q.dim; ++d)
          score += static_cast<double>(input.query(0, head, i, d)) * static_cast<double>(input.key(0, head, j, d));
        weights.push_back(std::exp(input.scale * score));
        sum += weights.back();
      }
      for (const std::int32_t c : s.selection.list(1, head, s.options.query.ancestor(1, i)))
        for (std::int64_t j = s.options.key.children(1, c).begin; j < s.options.key.children(1, c).end; ++j)
          selected += weights[static_cast<std::size_t>(j)];
      total += selected / sum;
    }
  return total / static_cast<double>(q.heads * static_cast<std::int64_t>(queries.size()));
}

RC_GTEST_PROP(Approximate, attending_to_every_fine_key_has_no_error_and_recalls_everything, ()) {
  const auto tokens = *rc::gen::inRange<std::int64_t>(1, 150);
  const auto block = *rc::gen::inRange<std::int64_t>(2, 9);
  const auto levels = *rc::gen::inRange(1, 4);
  ThreadPool threads(1);
  Judge judge(random_sequence(tokens, *rc::gen::arbitrary<std::uint32_t>()), 0, "reference", threads);
  const Options every{.block_size = block, .levels = levels, .top_k = {tokens}, .coverage = Coverage::disjoint};
  for (const char* method : {"llsa", "topk", "full"}) {
    const Measurement m = judge.measure({.how = {.method = method, .options = every}});
    RC_ASSERT(m.relative_l2 < 1e-5);
    RC_ASSERT(m.cosine > 1 - 1e-6);
    RC_ASSERT(std::abs(m.mass - 1) < 1e-5);
    RC_ASSERT(m.keys_per_query == static_cast<double>(tokens));
  }
}

RC_GTEST_PROP(Approximate, keys_and_mass_are_those_counted_one_by_one, ()) {
  const auto tokens = *rc::gen::inRange<std::int64_t>(2, 130);
  const Options options{.block_size = *rc::gen::inRange<std::int64_t>(2, 6),
                        .levels = *rc::gen::inRange(1, 4),
                        .top_k = {*rc::gen::inRange<std::int64_t>(1, 5)},
                        .enrichment_levels = *rc::gen::inRange(0, 2),
                        .coverage = *rc::gen::element(Coverage::overlapping, Coverage::disjoint)};
  const auto sampled = *rc::gen::inRange<std::int64_t>(0, 2 * tokens);
  const Input input = random_sequence(tokens, *rc::gen::arbitrary<std::uint32_t>());
  ThreadPool threads(1);
  Judge judge(input, sampled, "reference", threads);
  const Measurement m = judge.measure({.how = {.options = options}});
  const Selected selected = select(input, options);
  RC_ASSERT(std::abs(m.keys_per_query - counted_keys(selected, 2)) < 1e-9);
  RC_ASSERT(std::abs(m.mass - counted_mass(selected, input, spread_positions(tokens, sampled))) < 1e-4);
}

TEST(Approximate, errors_are_those_of_the_outputs_as_long_vectors) {
  const Input input = random_sequence(90, 11);
  const Options options{.block_size = 4, .levels = 2, .top_k = {2}, .scale = input.scale};
  ThreadPool threads(1);
  Tensor<float> output(input.value.shape()), lse({1, 2, 90, 1});
  make_attention<float>("llsa", "reference", threads)->forward(input.inputs(), options, {output.view(), lse.view()});
  const auto exact = [](const Tensor<float>& tensor) {
    Tensor<double> result(tensor.shape());
    std::copy(tensor.flat().begin(), tensor.flat().end(), result.data());
    return result;
  };
  const Tensor<double> q = exact(input.query), k = exact(input.key), v = exact(input.value);
  const Tensor<double> dense = reference::dense_naive({q.view(), k.view(), v.view()}, input.scale).output;
  double error = 0, own = 0, other = 0, product = 0;
  for (std::size_t i = 0; i < dense.flat().size(); ++i) {
    const double got = static_cast<double>(output.flat()[i]), want = dense.flat()[i];
    error += (got - want) * (got - want);
    own += got * got;
    other += want * want;
    product += got * want;
  }
  Judge judge(input, 0, "reference", threads);
  const Measurement m = judge.measure({.how = {.options = options}});
  EXPECT_NEAR(m.relative_l2, std::sqrt(error / other), 1e-5);
  EXPECT_NEAR(m.cosine, product / std::sqrt(own * other), 1e-6);
}

TEST(Approximate, the_formula_for_keys_is_exact_where_blocks_fill_the_sequence) {
  const Input input = random_sequence(128, 5);
  ThreadPool threads(1);
  Judge judge(input, 1, "reference", threads);
  for (const int levels : {0, 1, 2, 3})
    for (const std::int64_t k : {1, 3, 50})
      for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint})
        for (int enriched = 0; enriched <= levels; ++enriched) {
          Options options{
              .block_size = 4, .levels = levels, .top_k = {k}, .enrichment_levels = enriched, .coverage = coverage};
          const Measurement m = judge.measure({.how = {.options = options}});
          EXPECT_DOUBLE_EQ(key_count(m.options).keys(), m.keys_per_query) << levels << " " << k << " " << enriched;
        }
}

TEST(Approximate, the_number_of_scored_candidates_is_summed_over_the_levels) {
  const Shape shape{1, 1, 4096, 8};
  // Level 2: 16 queries score all 16 keys; level 1: 256 queries score 2 x 16 children.
  const KeyCount count = key_count(resolve({.block_size = 16, .levels = 2, .top_k = {3, 2}}, shape, shape, shape));
  EXPECT_DOUBLE_EQ(count.scored, (16.0 * 16 + 256.0 * 32) / 4096);
  EXPECT_DOUBLE_EQ(count.fine, 48);
  EXPECT_DOUBLE_EQ(count.coarse, 16 + 32);
}

TEST(Approximate, the_matching_k_is_the_papers) {
  const auto keys = [](std::int64_t tokens, int levels) {
    const Shape shape{1, 1, tokens, 8};
    return key_count(resolve({.block_size = 16, .levels = levels, .top_k = {8}}, shape, shape, shape)).keys();
  };
  EXPECT_EQ(matching_top_k(keys(16384, 2), 0, 16, 16384), 20);
  EXPECT_EQ(matching_top_k(keys(65536, 2), 0, 16, 65536), 32);
  EXPECT_EQ(matching_top_k(30, 0, 16, 1024), 2);        // the nearest
  EXPECT_EQ(matching_top_k(40 + 23, 40, 16, 1024), 1);  // without the coarse keys
  EXPECT_EQ(matching_top_k(3, 10, 16, 1024), 1);        // never none
  EXPECT_EQ(matching_top_k(1e9, 0, 16, 1000), 63);      // never more than there are
}

TEST(Approximate, methods_are_compared_at_equal_numbers_of_keys) {
  ThreadPool threads(1);
  Judge judge(random_input(16, 3), 64, "reference", threads);
  const auto sections =
      run_sweep(judge, {.top_k = {4, 2}, .block_sizes = {4}, .levels = {2}}, [](const std::string&) {});
  ASSERT_FALSE(sections.empty());
  const auto& rows = sections.front().rows;
  ASSERT_EQ(rows.size(), 16u);  // two K: LLSA in both coverages, five methods, VSA with half gates
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Measurement& own = rows[i - i % 8];
    ASSERT_EQ(own.configuration.how.method, "llsa");
    if (rows[i].configuration.how.method == "llsa") continue;
    // One block and all coarse keys can already be more than LLSA touches.
    const bool least = rows[i].options.top_k.front() == 1 && rows[i].keys_per_query > own.keys_per_query;
    EXPECT_TRUE(least || std::abs(rows[i].keys_per_query - own.keys_per_query) <= 2) << label_of(rows[i].configuration);
  }
  EXPECT_EQ(rows[0].keys_per_query, 4 * 4 + 4 * 4 + 16);
  EXPECT_EQ(rows[1].keys_per_query, rows[0].keys_per_query - 8);  // disjoint drops what is refined
  EXPECT_EQ(rows[2].configuration.how.method, "topk");
  EXPECT_EQ(rows[2].options.top_k, std::vector<std::int64_t>{12});
  EXPECT_EQ(rows[6].other_keys, 256);                         // SLA's linear branch
  EXPECT_EQ(rows[6].relative_l2, rows[2].relative_l2);        // with its projection at zero it is top-K
  EXPECT_EQ(rows[5].other_keys, 64);                          // VSA's pooled tokens
  EXPECT_GT(rows[5].relative_l2, 1.5 * rows[7].relative_l2);  // two averages added
}

TEST(Approximate, an_order_means_the_same_as_storing_the_tokens_in_it) {
  const Input raster = random_input(8, 9);
  ThreadPool threads(1);
  Judge judge(raster, 20, "reference", threads);
  Options options{.block_size = 4, .levels = 1, .top_k = {3}};
  for (const char* order : {"morton", "hilbert"}) {
    const Measurement moved = judge.measure({.how = {.options = options, .order = order}});
    EXPECT_EQ(moved.order, order);
    Judge stored(reordered(raster, order), 0, "reference", threads);
    Judge whole(raster, 0, "reference", threads);
    const Measurement all = whole.measure({.how = {.options = options, .order = order}});
    EXPECT_NEAR(all.relative_l2, stored.measure({.how = {.options = options}}).relative_l2, 1e-6);
    EXPECT_NEAR(all.mass, stored.measure({.how = {.options = options}}).mass, 1e-6);
    EXPECT_NE(moved.relative_l2, judge.measure({.how = {.options = options}}).relative_l2);
  }
}

RC_GTEST_PROP(Approximate, sampled_positions_are_spread_and_meet_every_place_of_a_block, ()) {
  const auto total = *rc::gen::inRange<std::int64_t>(1, 5000);
  const auto count = *rc::gen::inRange<std::int64_t>(0, 6000);
  const auto positions = spread_positions(total, count);
  RC_ASSERT(static_cast<std::int64_t>(positions.size()) == (count == 0 || count > total ? total : count));
  for (std::size_t i = 0; i < positions.size(); ++i) {
    RC_ASSERT(positions[i] >= 0 && positions[i] < total);
    RC_ASSERT(i == 0 || positions[i] > positions[i - 1]);
  }
  std::set<std::int64_t> places;
  for (const std::int64_t position : spread_positions(4096, 256)) places.insert(position % 16);
  RC_ASSERT(places.size() == 16u);
}

class ApproximateInput : public testing::Test {
 protected:
  void write(const std::map<std::string, std::string>& metadata, float first = 1) {
    Tensor<float> tensor({1, 1, 12, 4}, 1.0f);
    tensor.flat()[0] = first;
    files::write_safetensors(
        path_, {{files::from_tensor("q", tensor), files::from_tensor("k", tensor), files::from_tensor("v", tensor)},
                metadata});
  }
  void expect_refused(const std::string& words) {
    try {
      input_from_file(path_);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
      EXPECT_TRUE(std::string(error.what()).starts_with(path_.string())) << error.what();
    }
  }
  room::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "input.safetensors";
};

TEST_F(ApproximateInput, grid_and_order_come_from_the_metadata) {
  write({{"grid", "3x4"}, {"order", "hilbert"}, {"scale", "0.25"}});
  const Input known = input_from_file(path_);
  EXPECT_EQ(known.grid, (Grid{1, 3, 4}));
  EXPECT_EQ(known.order, "hilbert");
  EXPECT_EQ(known.scale, 0.25);
  write({{"grid", "3x4"}});  // without an order nothing can be permuted
  EXPECT_FALSE(input_from_file(path_).grid);
  EXPECT_EQ(input_from_file(path_).scale, 0.5);
  EXPECT_THROW(reordered(input_from_file(path_), "morton"), Error);
  ThreadPool threads(1);
  Judge judge(input_from_file(path_), 0, "reference", threads);
  const auto sections = run_sweep(judge, {.top_k = {1}}, [](const std::string&) {});
  EXPECT_EQ(sections.back().name, "Token order");
  EXPECT_NE(sections.back().note.find("Not compared"), std::string::npos);
}

TEST_F(ApproximateInput, what_cannot_be_compared_is_refused_in_one_line) {
  write({}, std::nanf(""));
  expect_refused("q holds nan (head 0, token 0)");
  write({{"grid", "5x5"}});
  expect_refused("25 cells; the file has 12 query tokens");
  write({{"grid", "3x4"}, {"order", "spiral"}});
  expect_refused("spiral");
  write({{"scale", "big"}});
  expect_refused("scale");
  files::write_safetensors(path_, {{files::from_tensor("q", Tensor<float>({1, 1, 2, 2}))}, {}});
  expect_refused("k");
}

TEST(Approximate, values_out_of_range_are_refused_by_name) {
  for (const Sweep& wrong :
       {Sweep{.top_k = {0}}, Sweep{.block_sizes = {1}}, Sweep{.levels = {-1}}, Sweep{.levels = {63}},
        Sweep{.enrichment_levels = {-2}}, Sweep{.orders = {"spiral"}}, Sweep{.top_k = {}}})
    EXPECT_THROW(validate(wrong), Error);
}

TEST(Approximate, every_block_size_is_measured_with_llsa_and_with_topk) {
  ThreadPool threads(1);
  Judge judge(random_input(16, 3), 16, "reference", threads);
  const auto sections = run_sweep(judge, {.top_k = {4}, .block_sizes = {4, 8}, .levels = {1}}, [](const auto&) {});
  const auto blocks = std::find_if(sections.begin(), sections.end(),
                                   [](const Section& each) { return each.name.starts_with("Block size"); });
  ASSERT_NE(blocks, sections.end());
  std::vector<std::string> shown;
  for (const Measurement& row : blocks->rows)
    shown.push_back(label_of(row.configuration) + " B=" + std::to_string(row.options.block_size) +
                    " K=" + std::to_string(row.options.top_k.front()));
  EXPECT_EQ(shown, (std::vector<std::string>{"llsa B=4 K=4", "topk B=4 K=4", "llsa B=8 K=2", "topk B=8 K=2"}));
}

TEST(Approximate, a_label_says_what_sets_a_configuration_apart) {
  EXPECT_EQ(label_of({.how = {.method = "vsa"}, .gate = 0.5}), "vsa, gates 0.5");
  EXPECT_EQ(label_of({.how = {.method = "vsa"}}), "vsa");
  EXPECT_EQ(label_of({.how = {.method = "sla"}, .gate = 0.5}), "sla") << "gates are VSA's";
  EXPECT_EQ(label_of({.how = {.options = {.coverage = Coverage::disjoint}}}), "llsa, disjoint");
  EXPECT_EQ(label_of({.how = {.method = "topk", .options = {.coverage = Coverage::disjoint}}}), "topk");
}

TEST(Approximate, what_a_sweep_leaves_open_follows_from_the_input) {
  const auto filled = [](std::int64_t tokens, const Sweep& sweep) {
    return values_for(sweep, random_sequence(tokens, 1));
  };
  const Sweep long_enough = filled(1024, {}), short_one = filled(1000, {});
  EXPECT_EQ(long_enough.block_sizes, (std::vector<std::int64_t>{16, 8, 32, 64})) << "16 leaves 64 coarse keys";
  EXPECT_EQ(short_one.block_sizes, (std::vector<std::int64_t>{4, 2, 8, 16}));
  EXPECT_EQ(long_enough.levels, (std::vector<int>{1, 2}));
  EXPECT_EQ(filled(5000, {.block_sizes = {4}}).levels, (std::vector<int>{3, 1, 2, 4}));
  EXPECT_EQ(filled(20, {}).levels, (std::vector<int>{1, 2})) << "at least one level";
  EXPECT_EQ(filled(5000, {.levels = {3}}).enrichment_levels, (std::vector<int>{3, 2, 1, 0}));
  EXPECT_EQ(filled(64, {.orders = {"morton"}}).orders, std::vector<std::string>{"as stored"}) << "no grid, no order";
  EXPECT_EQ(values_for({}, random_input(8, 1)).orders, (std::vector<std::string>{"raster", "morton", "hilbert"}));
  EXPECT_EQ(values_for({.orders = {"hilbert"}}, random_input(8, 1)).orders, std::vector<std::string>{"hilbert"});
}

}  // namespace
}  // namespace llsa::compare::approximate
