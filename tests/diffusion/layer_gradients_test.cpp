#include <gtest/gtest.h>

#include "diffusion/layers/eigen_layers.hpp"
#include "gradient_check.hpp"

namespace llsa::diffusion::testing {
namespace {

/// More tokens than one piece of work, so that partial sums are covered too.
constexpr std::int64_t batch = 2, tokens = 300, dim = 12;

class LayerGradients : public ::testing::Test {
 protected:
  ThreadPool threads{2};
  EigenLayers<double> layers{threads};
};

/// Gradients that accumulate start at one, so that overwriting them shows.
Numbers ones(std::int64_t size) { return Numbers(static_cast<std::size_t>(size), 1.0); }

void subtract_one(Numbers& values) {
  for (double& v : values) v -= 1;
}

TEST_F(LayerGradients, linear_agrees_with_central_differences) {
  // Few rows, and enough for several slices of the weight gradient.
  for (const LinearShape s :
       {LinearShape{.rows = 261, .in = 7, .out = 70}, LinearShape{.rows = 3100, .in = 3, .out = 5}}) {
    Numbers x = normal_numbers(s.rows * s.in, 1), w = normal_numbers(s.out * s.in, 2), b = normal_numbers(s.out, 3);
    const Numbers dy = normal_numbers(s.rows * s.out, 4);
    Numbers y(dy.size());
    const auto loss = [&] {
      layers.linear_forward(s, x.data(), w.data(), b.data(), y.data());
      return dot(y, dy);
    };
    Numbers dx(x.size(), NAN), dw = ones(s.out * s.in), db = ones(s.out);
    layers.linear_backward(s, x.data(), w.data(), dy.data(), dx.data(), dw.data(), db.data());
    subtract_one(dw);
    subtract_one(db);
    expect_gradient("x", x, dx, loss, 31);
    expect_gradient("weight", w, dw, loss);
    expect_gradient("bias", b, db, loss);
  }
}

TEST_F(LayerGradients, modulated_norm_agrees_with_central_differences) {
  const TokenShape s{batch, tokens, dim};
  Numbers x = normal_numbers(s.size(), 1), m = normal_numbers(batch * 2 * dim, 2);
  const Numbers dy = normal_numbers(s.size(), 3);
  Numbers y(dy.size()), mean(std::size_t(s.rows())), rstd(mean.size());
  const auto loss = [&] {
    layers.modulated_norm_forward(s, x.data(), {m.data(), 2 * dim}, {m.data() + dim, 2 * dim}, y.data(), mean.data(),
                                  rstd.data());
    return dot(y, dy);
  };
  loss();
  Numbers dx = ones(s.size()), dm(m.size(), NAN);
  layers.modulated_norm_backward(s, x.data(), mean.data(), rstd.data(), {m.data() + dim, 2 * dim}, dy.data(), dx.data(),
                                 {dm.data(), 2 * dim}, {dm.data() + dim, 2 * dim});
  subtract_one(dx);
  expect_gradient("x", x, dx, loss, 13);
  expect_gradient("shift and scale", m, dm, loss);
}

TEST_F(LayerGradients, gated_residual_agrees_with_central_differences) {
  const TokenShape s{batch, tokens, dim};
  Numbers x = normal_numbers(s.size(), 1), h = normal_numbers(s.size(), 2), gate = normal_numbers(batch * dim, 3);
  const Numbers dy = normal_numbers(s.size(), 4);
  Numbers y(dy.size());
  const auto loss = [&] {
    layers.gated_residual_forward(s, x.data(), {gate.data(), dim}, h.data(), y.data());
    return dot(y, dy);
  };
  Numbers dh(h.size(), NAN), dgate(gate.size(), NAN);
  layers.gated_residual_backward(s, {gate.data(), dim}, h.data(), dy.data(), dh.data(), {dgate.data(), dim});
  expect_gradient("x", x, dy, loss, 13);
  expect_gradient("h", h, dh, loss, 13);
  expect_gradient("gate", gate, dgate, loss);
}

TEST_F(LayerGradients, rms_norm_agrees_with_central_differences_inside_strided_rows) {
  const HeadShape s{.rows = 300, .heads = 2, .dim = 8};
  const std::int64_t stride = 20;
  Numbers x = normal_numbers(s.rows * stride, 1), w = normal_numbers(s.dim, 2);
  const Numbers dy = normal_numbers(s.rows * 16, 3);
  Numbers y(dy.size()), rstd(std::size_t(s.rows * s.heads));
  const auto loss = [&] {
    layers.rms_norm_forward(s, x.data(), stride, w.data(), y.data(), 16, rstd.data());
    return dot(y, dy);
  };
  loss();
  Numbers dx(x.size(), 0), dw = ones(s.dim);
  layers.rms_norm_backward(s, x.data(), stride, w.data(), rstd.data(), dy.data(), 16, dx.data(), stride, dw.data());
  subtract_one(dw);
  expect_gradient("x", x, dx, loss, 7);
  expect_gradient("weight", w, dw, loss);
}

TEST_F(LayerGradients, rotary_agrees_with_central_differences) {
  const HeadShape s{.rows = 24, .heads = 2, .dim = 8};
  const Grid grid{.frames = 1, .height = 3, .width = 4};
  std::vector<std::int64_t> reversed;
  for (std::int64_t i = 11; i >= 0; --i) reversed.push_back(i);
  const RotaryTable<double> table = rotary_table<double>(grid, TokenOrder(reversed), s.dim, 10);
  Numbers x = normal_numbers(s.rows * 16, 1);
  const Numbers dy = normal_numbers(s.rows * 16, 2);
  const auto loss = [&] {
    Numbers y = x;
    layers.rotary_forward(s, table, y.data(), 16);
    return dot(y, dy);
  };
  Numbers dx = dy;
  layers.rotary_backward(s, table, dx.data(), 16);
  expect_gradient("x", x, dx, loss);
}

TEST_F(LayerGradients, activations_agree_with_central_differences_and_may_overwrite_their_gradient) {
  Numbers x = normal_numbers(500, 1, 2.0);
  const Numbers dy = normal_numbers(500, 2);
  Numbers y(x.size()), dx = dy;
  const auto gelu = [&] {
    layers.gelu_forward(500, x.data(), y.data());
    return dot(y, dy);
  };
  layers.gelu_backward(500, x.data(), dx.data(), dx.data());
  expect_gradient("gelu", x, dx, gelu);
  const auto silu = [&] {
    layers.silu_forward(500, x.data(), y.data());
    return dot(y, dy);
  };
  dx = dy;
  layers.silu_backward(500, x.data(), dx.data(), dx.data());
  expect_gradient("silu", x, dx, silu);
}

TEST_F(LayerGradients, label_embedding_agrees_with_central_differences_with_repeated_labels) {
  const std::vector<std::int32_t> labels = {2, 0, 2, 3};
  Numbers table = normal_numbers(4 * dim, 1);
  const Numbers dy = normal_numbers(4 * dim, 2), start = normal_numbers(4 * dim, 3);
  const auto loss = [&] {
    Numbers y = start;
    layers.label_embedding_forward(4, dim, labels.data(), table.data(), y.data());
    return dot(y, dy);
  };
  Numbers dtable = ones(4 * dim);
  layers.label_embedding_backward(4, dim, labels.data(), dy.data(), dtable.data());
  subtract_one(dtable);
  expect_gradient("table", table, dtable, loss);
}

}  // namespace
}  // namespace llsa::diffusion::testing
