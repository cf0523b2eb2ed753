#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "backends/backends.hpp"
#include "diffusion/dit.hpp"
#include "diffusion/layers/eigen_layers.hpp"
#include "gradient_check.hpp"

/// The whole model once more, straight from its description: one token after the other, tokens in raster order,
/// parameters by name, dense attention. Nothing is shared with the layers.
namespace llsa::diffusion::testing {
namespace {

using Row = std::vector<double>;

class PlainModel {
 public:
  PlainModel(const ModelConfig& config, const ParameterLayout& layout, const Numbers& values)
      : c_(config), layout_(layout), values_(values) {}

  Row velocity(const Row& image, double time, std::int64_t label) const;

 private:
  double number(const std::string& name, std::int64_t i) const {
    return values_[std::size_t(layout_.at(name).offset + i)];
  }
  Row linear(const std::string& name, const Row& x) const {
    const Parameter& weight = layout_.at(name + ".weight");
    Row y(std::size_t(weight.shape[0]));
    for (std::size_t o = 0; o < y.size(); ++o) {
      y[o] = number(name + ".bias", std::int64_t(o));
      for (std::size_t i = 0; i < x.size(); ++i)
        y[o] += x[i] * number(name + ".weight", std::int64_t(o * x.size() + i));
    }
    return y;
  }
  static Row silu(Row x) {
    for (double& v : x) v /= 1 + std::exp(-v);
    return x;
  }
  static Row part(const Row& x, std::size_t which, std::size_t width) {
    return {x.begin() + std::ptrdiff_t(which * width), x.begin() + std::ptrdiff_t((which + 1) * width)};
  }
  static Row modulated(const Row& x, const Row& shift, const Row& scale) {
    double mean = 0, variance = 0;
    for (double v : x) mean += v / double(x.size());
    for (double v : x) variance += (v - mean) * (v - mean) / double(x.size());
    Row y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = (x[i] - mean) / std::sqrt(variance + 1e-6) * (1 + scale[i]) + shift[i];
    return y;
  }
  Row conditioning(std::int64_t block, double time, std::int64_t label) const;
  Row head(const Row& x, std::size_t which, const std::string& norm, std::int64_t token) const;
  void attention(std::vector<Row>& x, const std::string& prefix, const Row& modulation) const;

  const ModelConfig& c_;
  const ParameterLayout& layout_;
  const Numbers& values_;
};

Row PlainModel::conditioning(std::int64_t block, double time, std::int64_t label) const {
  const std::string prefix =
      c_.per_block_embedders ? "transformer_blocks." + std::to_string(block) + ".norm1.emb." : "emb.";
  const std::int64_t half = c_.frequency_dim / 2;
  Row features;
  for (std::int64_t i = 0; i < half; ++i)
    features.push_back(std::cos(1000 * time * std::pow(10000, -double(i) / double(half - 1))));
  for (std::int64_t i = 0; i < half; ++i)
    features.push_back(std::sin(1000 * time * std::pow(10000, -double(i) / double(half - 1))));
  Row c = linear(prefix + "timestep_embedder.linear_2", silu(linear(prefix + "timestep_embedder.linear_1", features)));
  for (std::size_t i = 0; i < c.size(); ++i)
    c[i] += number(prefix + "class_embedder.embedding_table.weight", label * c_.hidden + std::int64_t(i));
  return silu(c);
}

/// One head of a token's query or key: RMS norm, then each half turned in pairs by row and by column.
Row PlainModel::head(const Row& x, std::size_t which, const std::string& norm, std::int64_t token) const {
  const auto dim = std::size_t(c_.head_dim());
  Row y = part(x, which, dim);
  double square = 0;
  for (double v : y) square += v * v / double(dim);
  for (std::size_t i = 0; i < dim; ++i) y[i] *= number(norm, std::int64_t(i)) / std::sqrt(square + 1e-6);
  const std::size_t quarter = dim / 4;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const Grid grid = c_.grid();
    const double position = double(axis == 0 ? token / grid.width % grid.height : token % grid.width);
    // Of a video the last quarter of either half's angles, at least one, turns with the frame.
    const std::size_t of_frame = grid.frames == 1 ? 0 : std::max<std::size_t>(1, quarter / 4);
    for (std::size_t j = 0; j < quarter; ++j) {
      double angle = position / std::pow(c_.rope_base, double(j) / double(quarter));
      if (j + of_frame >= quarter) {
        const std::size_t k = j + of_frame - quarter + axis * of_frame;
        angle = double(token / (grid.width * grid.height)) / std::pow(c_.rope_base, double(k) / double(2 * of_frame));
      }
      double& a = y[axis * 2 * quarter + j];
      double& b = y[axis * 2 * quarter + quarter + j];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = a * std::sin(angle) + b * std::cos(angle);
      a = turned;
    }
  }
  return y;
}

void PlainModel::attention(std::vector<Row>& x, const std::string& prefix, const Row& m) const {
  const auto width = std::size_t(c_.hidden), dim = std::size_t(c_.head_dim());
  std::vector<Row> q, k, v;
  for (const Row& token : x) {
    const Row normed = modulated(token, part(m, 0, width), part(m, 1, width));
    q.push_back(linear(prefix + "attn1.to_q", normed));
    k.push_back(linear(prefix + "attn1.to_k", normed));
    v.push_back(linear(prefix + "attn1.to_v", normed));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    Row mixed(width);
    for (std::size_t h = 0; h < std::size_t(c_.heads); ++h) {
      const Row query = head(q[i], h, prefix + "attn1.norm_q.weight", std::int64_t(i));
      double sum = 0;
      for (std::size_t j = 0; j < x.size(); ++j) {
        const Row key = head(k[j], h, prefix + "attn1.norm_k.weight", std::int64_t(j));
        const double weight = std::exp(dot(query, key) / std::sqrt(double(dim)));
        sum += weight;
        for (std::size_t d = 0; d < dim; ++d) mixed[h * dim + d] += weight * v[j][h * dim + d];
      }
      for (std::size_t d = 0; d < dim; ++d) mixed[h * dim + d] /= sum;
    }
    const Row out = linear(prefix + "attn1.to_out.0", mixed);
    for (std::size_t d = 0; d < width; ++d) x[i][d] += m[2 * width + d] * out[d];
  }
}

Row PlainModel::velocity(const Row& image, double time, std::int64_t label) const {
  const std::int64_t p = c_.patch_size, height = c_.extent.height, width_of_image = c_.extent.width;
  const Grid grid = c_.grid();
  const auto width = std::size_t(c_.hidden);
  const auto pixel = [&](std::int64_t token, std::int64_t channel, std::int64_t i) {
    const std::int64_t frame = token / (grid.width * grid.height), row = token / grid.width % grid.height;
    return std::size_t(((frame * c_.channels + channel) * height + row * p + i / p) * width_of_image +
                       token % grid.width * p + i % p);
  };
  std::vector<Row> x;
  for (std::int64_t token = 0; token < c_.tokens(); ++token) {
    Row patch;
    for (std::int64_t channel = 0; channel < c_.channels; ++channel) {
      for (std::int64_t i = 0; i < p * p; ++i) patch.push_back(image[pixel(token, channel, i)]);
    }
    x.push_back(linear("pos_embed.proj", patch));
  }
  for (std::int64_t block = 0; block < c_.layers; ++block) {
    const std::string prefix = "transformer_blocks." + std::to_string(block) + ".";
    const Row m = linear(prefix + "norm1.linear", conditioning(block, time, label));
    attention(x, prefix, m);
    for (Row& token : x) {
      Row inner = linear(prefix + "ff.net.0.proj", modulated(token, part(m, 3, width), part(m, 4, width)));
      for (double& v : inner) v = 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
      const Row out = linear(prefix + "ff.net.2", inner);
      for (std::size_t d = 0; d < width; ++d) token[d] += m[5 * width + d] * out[d];
    }
  }
  const Row m = linear("proj_out_1", conditioning(0, time, label));
  Row result(image.size());
  for (std::int64_t token = 0; token < c_.tokens(); ++token) {
    const Row out = linear("proj_out_2", modulated(x[std::size_t(token)], part(m, 0, width), part(m, 1, width)));
    for (std::int64_t i = 0; i < p * p; ++i) {
      for (std::int64_t channel = 0; channel < c_.channels; ++channel) {
        result[pixel(token, channel, i)] = out[std::size_t(i * c_.channels + channel)];
      }
    }
  }
  return result;
}

void expect_plain_model(const ModelConfig& config) {
  ThreadPool threads(2);
  EigenLayers<double> layers(threads);
  const auto attention = make_attention<double>("reference", threads);
  Dit<double> dit(config, {.batch = 2}, layers, *attention);
  const Numbers values = normal_numbers(dit.layout().size(), 1, 0.4);
  const Numbers images = normal_numbers(2 * config.image_elements(), 2);
  const std::vector<double> times = {0.1, 0.8};
  const std::vector<std::int32_t> labels = {2, 3};
  Numbers velocity(images.size(), NAN);
  dit.forward(values, 2, images.data(), times.data(), labels.data(), velocity.data());
  const auto elements = std::size_t(config.image_elements());
  for (std::size_t b = 0; b < 2; ++b) {
    const Row image(images.begin() + std::ptrdiff_t(b * elements), images.begin() + std::ptrdiff_t((b + 1) * elements));
    const Row expected = PlainModel(config, dit.layout(), values).velocity(image, times[b], labels[b]);
    for (std::size_t i = 0; i < elements; ++i) {
      ASSERT_TRUE(std::abs(velocity[b * elements + i] - expected[i]) <= 1e-9 * (1 + std::abs(expected[i])))
          << "picture " << b << " element " << i << ": " << velocity[b * elements + i] << " instead of " << expected[i];
    }
  }
}

ModelConfig plain_config() {
  ModelConfig config{.extent = files::square(6),
                     .channels = 2,
                     .hidden = 16,
                     .layers = 2,
                     .heads = 2,
                     .mlp_ratio = 3,
                     .classes = 3,
                     .frequency_dim = 8,
                     .rope_base = 20};
  config.attention.method = "full";
  return config;
}

TEST(Model, computes_what_its_description_says_in_every_token_order) {
  for (const char* order : {"raster", "morton", "hilbert"}) {
    ModelConfig config = plain_config();
    config.attention.order = order;
    expect_plain_model(config);
  }
}

TEST(Model, computes_what_its_description_says_of_pictures_that_are_not_square_and_of_videos) {
  for (const files::PictureExtent extent : {files::PictureExtent{1, 4, 6}, {1, 6, 2}, {3, 2, 4}, {2, 4, 6}}) {
    ModelConfig config = plain_config();
    config.extent = extent;
    config.patch_size = extent.pixels() > 30 ? 2 : 1;
    config.attention.order = extent.frames == 2 ? "hilbert" : "morton";
    SCOPED_TRACE(files::describe(extent));
    expect_plain_model(config);
    config.hidden = 64;  // heads of 32 give more than one angle of each half to the frame
    if (!extent.is_picture()) expect_plain_model(config);
  }
}

TEST(Model, computes_what_its_description_says_with_patches_and_per_block_embedders) {
  ModelConfig config = plain_config();
  config.patch_size = 2;
  config.per_block_embedders = true;
  expect_plain_model(config);
}

TEST(Model, log_linear_attention_that_refines_everything_is_dense_attention) {
  ModelConfig config = plain_config();
  config.attention.method = "llsa";
  config.attention.options = {};
  config.attention.options.block_size = 2;
  config.attention.options.levels = 2;
  config.attention.options.top_k = {64};
  config.attention.options.coverage = Coverage::disjoint;
  expect_plain_model(config);
}

}  // namespace
}  // namespace llsa::diffusion::testing
