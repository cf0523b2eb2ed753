#include "diffusion/parameters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gradient_check.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion::testing {
namespace {

TEST(Parameters, are_named_and_shaped_as_in_diffusers_checkpoints) {
  ModelConfig config{.patch_size = 2, .hidden = 24, .layers = 2, .heads = 3, .classes = 5, .frequency_dim = 16};
  config.per_block_embedders = true;
  const ParameterLayout layout(config);
  const auto shape = [&](const char* name) { return layout.at(name).shape; };
  using Shape = std::vector<std::int64_t>;
  EXPECT_EQ(shape("pos_embed.proj.weight"), (Shape{24, 3, 2, 2}));
  EXPECT_EQ(shape("transformer_blocks.1.norm1.emb.timestep_embedder.linear_1.weight"), (Shape{24, 16}));
  EXPECT_EQ(shape("transformer_blocks.1.norm1.emb.class_embedder.embedding_table.weight"), (Shape{6, 24}));
  EXPECT_EQ(shape("transformer_blocks.0.norm1.linear.weight"), (Shape{144, 24}));
  EXPECT_EQ(shape("transformer_blocks.0.attn1.to_out.0.bias"), (Shape{24}));
  EXPECT_EQ(shape("transformer_blocks.0.attn1.norm_q.weight"), (Shape{8}));
  EXPECT_EQ(shape("transformer_blocks.0.ff.net.0.proj.weight"), (Shape{96, 24}));
  EXPECT_EQ(shape("proj_out_1.weight"), (Shape{48, 24}));
  EXPECT_EQ(shape("proj_out_2.weight"), (Shape{12, 24}));
  EXPECT_THROW(layout.at("emb.timestep_embedder.linear_1.weight"), Error);
}

TEST(Parameters, do_not_overlap_and_query_key_and_value_form_one_product) {
  const ModelConfig config{.hidden = 12, .layers = 2, .heads = 3, .classes = 5, .frequency_dim = 6};
  const ParameterLayout layout(config);
  std::int64_t end = 0;
  for (const Parameter& p : layout.parameters()) {
    EXPECT_GE(p.offset, end) << p.name;
    end = p.offset + p.size();
  }
  EXPECT_GE(layout.size(), end);
  for (const char* kind : {".weight", ".bias"}) {
    const auto at = [&](const char* name) {
      return layout.at(std::string("transformer_blocks.1.attn1.") + name + kind);
    };
    EXPECT_EQ(at("to_k").offset, at("to_q").offset + at("to_q").size());
    EXPECT_EQ(at("to_v").offset, at("to_k").offset + at("to_k").size());
  }
}

TEST(Parameters, start_with_closed_gates_and_xavier_products) {
  const ModelConfig config{.hidden = 64, .layers = 1, .heads = 2, .classes = 5, .frequency_dim = 64};
  const ParameterLayout layout(config);
  Numbers block(std::size_t(layout.size()), NAN), again = block;
  initialise<double>(layout, 1, block);
  initialise<double>(layout, 1, again);
  EXPECT_EQ(block, again);
  const auto values = [&](const char* name) {
    const Parameter& p = layout.at(name);
    return std::span(block).subspan(std::size_t(p.offset), std::size_t(p.size()));
  };
  const auto largest = [&](const char* name) {
    double most = 0;
    for (double v : values(name)) most = std::max(most, std::abs(v));
    return most;
  };
  for (const char* zero :
       {"transformer_blocks.0.norm1.linear.weight", "proj_out_1.weight", "proj_out_2.weight", "pos_embed.proj.bias"}) {
    EXPECT_EQ(largest(zero), 0) << zero;
  }
  for (double v : values("transformer_blocks.0.attn1.norm_k.weight")) EXPECT_EQ(v, 1);
  // Thousands of uniform numbers come close to the bound and never cross it.
  for (const auto& [name, sum] : {std::pair{"transformer_blocks.0.attn1.to_q.weight", 128.0},
                                  std::pair{"transformer_blocks.0.ff.net.2.weight", 320.0}}) {
    EXPECT_LE(largest(name), std::sqrt(6 / sum));
    EXPECT_GE(largest(name), 0.99 * std::sqrt(6 / sum));
  }
  const auto table = values("emb.timestep_embedder.linear_1.weight");
  EXPECT_NEAR(std::sqrt(dot(table, table) / double(table.size())), 0.02, 0.001);
  initialise<double>(layout, 2, again);
  EXPECT_NE(block, again);
}

TEST(ModelSettings, survive_json_and_refuse_what_cannot_be) {
  ModelConfig config = preset("S");
  config.classes = 7;
  config.attention.options.levels = 1;
  config.attention.options.enrichment_levels = 0;
  config.attention.options.scale = 0.25;
  config.attention.options.reweight = false;
  EXPECT_EQ(to_json(model_config_from(to_json(config))), to_json(config));
  const auto refuse = [](auto change) {
    ModelConfig bad = preset("tiny");
    change(bad);
    EXPECT_THROW(validate(bad), Error);
  };
  refuse([](ModelConfig& c) { c.extent = files::square(0); });
  refuse([](ModelConfig& c) { c.patch_size = 3; });
  refuse([](ModelConfig& c) { c.heads = 5; });
  refuse([](ModelConfig& c) { c.hidden = 18, c.heads = 3; });
  refuse([](ModelConfig& c) { c.frequency_dim = 7; });
  refuse([](ModelConfig& c) { c.rope_base = NAN; });
  refuse([](ModelConfig& c) { c.attention.order = "spiral"; });
  refuse([](ModelConfig& c) { c.attention.method = "sparse"; });
  refuse([](ModelConfig& c) { c.attention.options.block_size = 1; });
  nlohmann::json incomplete = to_json(config);
  incomplete.erase("heads");
  EXPECT_THROW(model_config_from(incomplete), Error);
  EXPECT_THROW(preset("XL"), Error);
}

TEST(ModelSettings, take_every_attention_method_and_no_other) {
  ModelConfig config = preset("tiny");
  for (const std::string& method : method_names()) {
    config.attention.method = method;
    EXPECT_EQ(to_json(model_config_from(to_json(config))), to_json(config));
  }
  config.attention.method = "dense";
  EXPECT_THROW(model_config_from(to_json(config)), Error);
}

TEST(ParameterLayout, of_sla_ends_with_a_projection_of_every_block_that_starts_at_zero) {
  const ModelConfig plain = preset("tiny");
  ModelConfig config = plain;
  config.attention.method = "sla";
  const ParameterLayout layout(config), shorter(plain);
  EXPECT_EQ(layout.count(), shorter.count() + 6 * (32 * 32 + 32));
  EXPECT_EQ(layout.at("transformer_blocks.5.attn1.proj_l.weight").shape, (std::vector<std::int64_t>{32, 32}));
  EXPECT_EQ(layout.at("transformer_blocks.5.attn1.proj_l.bias").shape, (std::vector<std::int64_t>{32}));
  Numbers block(std::size_t(layout.size()), NAN), start(std::size_t(shorter.size()), NAN);
  initialise<double>(layout, 7, block);
  initialise<double>(shorter, 7, start);
  EXPECT_TRUE(std::equal(start.begin(), start.end(), block.begin())) << "everything else starts as in other methods";
  EXPECT_TRUE(std::all_of(block.begin() + shorter.size(), block.end(), [](double v) { return v == 0; }));
}

}  // namespace
}  // namespace llsa::diffusion::testing
