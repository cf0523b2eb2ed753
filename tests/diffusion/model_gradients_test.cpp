#include <gtest/gtest.h>

#include "backends/backends.hpp"
#include "diffusion/dit.hpp"
#include "diffusion/layers/eigen_layers.hpp"
#include "gradient_check.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion::testing {
namespace {

/// A model with every feature, small enough for central differences; weights random everywhere, so that nothing is
/// hidden behind a zero gate.
struct TinyModel {
  ModelConfig config;
  ThreadPool threads{2};
  EigenLayers<double> layers{threads};
  std::unique_ptr<Attention<double>> attention;
  Dit<double> dit;
  Numbers parameters, images, target, velocity;
  std::vector<double> times{0.2, 0.9};
  std::vector<std::int32_t> labels{1, 3};

  explicit TinyModel(ModelConfig config_, bool recompute = false)
      : config(std::move(config_)),
        attention(make_attention<double>(config.attention.method, "reference", threads)),
        dit(config, {.batch = 2, .training = true, .recompute = recompute}, layers, *attention) {
    parameters = Numbers(std::size_t(dit.layout().size()), 0.0);
    std::uint64_t stream = 100;
    for (const Parameter& p : dit.layout().parameters()) {
      const Numbers values = normal_numbers(p.size(), stream++, 0.3);
      std::copy(values.begin(), values.end(), parameters.begin() + p.offset);
    }
    images = normal_numbers(2 * config.image_elements(), 7);
    target = normal_numbers(2 * config.image_elements(), 8);
    velocity = Numbers(images.size());
  }

  double loss() {
    dit.forward(parameters, 2, images.data(), times.data(), labels.data(), velocity.data());
    return dot(velocity, target);
  }
  Numbers gradients() {
    Numbers g(parameters.size(), 0.0);
    loss();
    dit.backward(parameters, 2, labels.data(), target.data(), g);
    return g;
  }
};

ModelConfig small_config(AttentionChoice attention) {
  attention.order = "hilbert";
  return {.extent = files::square(4),
          .channels = 2,
          .patch_size = 1,
          .hidden = 16,
          .layers = 2,
          .heads = 2,
          .mlp_ratio = 2,
          .classes = 3,
          .frequency_dim = 8,
          .per_block_embedders = false,
          .rope_base = 10,
          .attention = std::move(attention)};
}

void expect_model_gradients(const ModelConfig& config) {
  TinyModel model(config);
  const Numbers g = model.gradients();
  for (const Parameter& p : model.dit.layout().parameters()) {
    const std::size_t stride = p.size() > 64 ? std::size_t(p.size()) / 24 : std::size_t{3};
    expect_gradient(
        p.name, std::span(model.parameters).subspan(std::size_t(p.offset), std::size_t(p.size())),
        std::span(g).subspan(std::size_t(p.offset), std::size_t(p.size())), [&] { return model.loss(); }, stride, 2e-6);
  }
}

Options two_levels() {
  Options options;
  options.block_size = 2;
  options.levels = 2;
  options.top_k = {2};
  return options;
}

TEST(ModelGradients, dense_attention_agrees_with_central_differences) {
  expect_model_gradients(small_config({.method = "full"}));
}

TEST(ModelGradients, log_linear_attention_agrees_with_central_differences) {
  expect_model_gradients(small_config({.method = "llsa", .options = two_levels()}));
}

TEST(ModelGradients, every_other_method_agrees_with_central_differences_its_own_parameters_included) {
  for (const char* method : {"vsa", "sla"}) {
    SCOPED_TRACE(method);
    expect_model_gradients(small_config({.method = method, .options = two_levels()}));
  }
}

TEST(ModelGradients, patches_and_per_block_embedders_agree_with_central_differences) {
  ModelConfig config = small_config({.method = "topk", .options = two_levels()});
  config.extent = files::square(6);
  config.patch_size = 2;
  config.per_block_embedders = true;
  expect_model_gradients(config);
}

TEST(ModelGradients, the_resolution_of_a_stage_agrees_with_central_differences) {
  for (const bool per_block : {false, true}) {
    ModelConfig config = small_config({.method = "sla", .options = two_levels()});
    config.part_of_stages = true;
    config.per_block_embedders = per_block;
    expect_model_gradients(config);
  }
}

TEST(ModelGradients, of_pictures_that_are_not_square_and_of_videos_agree_with_central_differences) {
  for (const files::PictureExtent extent : {files::PictureExtent{1, 4, 6}, {3, 2, 4}}) {
    SCOPED_TRACE(files::describe(extent));
    ModelConfig config = small_config({.method = "llsa", .options = two_levels()});
    config.extent = extent;
    expect_model_gradients(config);
  }
}

TEST(ModelGradients, recomputing_activations_changes_no_bit) {
  const ModelConfig config = small_config({.method = "llsa", .options = two_levels()});
  TinyModel kept(config), recomputed(config, true);
  EXPECT_EQ(kept.gradients(), recomputed.gradients());
  EXPECT_LT(recomputed.dit.arena_bytes(), kept.dit.arena_bytes());
}

TEST(ModelGradients, a_model_refuses_the_attention_of_another_method) {
  ThreadPool threads(1);
  EigenLayers<double> layers(threads);
  const auto plain = make_attention<double>("reference", threads),
             vsa = make_attention<double>("vsa", "reference", threads);
  EXPECT_THROW(Dit<double>(small_config({.method = "sla"}), {}, layers, *plain), Error);
  EXPECT_THROW(Dit<double>(small_config({.method = "sla"}), {}, layers, *vsa), Error);
  EXPECT_THROW(Dit<double>(small_config({.method = "full"}), {}, layers, *vsa), Error);
}

TEST(ModelGradients, backward_adds_to_what_is_there) {
  for (const char* method : {"full", "sla"}) {
    TinyModel model(small_config({.method = method, .options = two_levels()}));
    const Numbers once = model.gradients();
    Numbers twice = once;
    model.dit.backward(model.parameters, 2, model.labels.data(), model.target.data(), twice);
    for (std::size_t i = 0; i < once.size(); ++i)
      ASSERT_TRUE(std::abs(twice[i] - 2 * once[i]) <= 1e-12 * (1 + std::abs(once[i])));
  }
}

}  // namespace
}  // namespace llsa::diffusion::testing
