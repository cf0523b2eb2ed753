#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "diffusion/layers/eigen_layers.hpp"
#include "gradient_check.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion::testing {
namespace {

class LayerFormulas : public ::testing::Test {
 protected:
  ThreadPool threads{2};
  EigenLayers<double> layers{threads};
};

void expect_near(double value, double expected) {
  ASSERT_TRUE(std::abs(value - expected) <= 1e-12 * (1 + std::abs(expected))) << value << " instead of " << expected;
}

TEST_F(LayerFormulas, linear_is_the_product_with_the_transposed_weights_plus_bias) {
  const LinearShape s{.rows = 513, .in = 5, .out = 3};
  const Numbers x = normal_numbers(s.rows * s.in, 1), w = normal_numbers(s.out * s.in, 2), b = normal_numbers(s.out, 3);
  Numbers y(std::size_t(s.rows * s.out), NAN), plain = y;
  layers.linear_forward(s, x.data(), w.data(), b.data(), y.data());
  layers.linear_forward(s, x.data(), w.data(), nullptr, plain.data());
  for (std::int64_t r = 0; r < s.rows; ++r) {
    for (std::int64_t o = 0; o < s.out; ++o) {
      double sum = 0;
      for (std::int64_t i = 0; i < s.in; ++i) sum += x[std::size_t(r * s.in + i)] * w[std::size_t(o * s.in + i)];
      expect_near(plain[std::size_t(r * s.out + o)], sum);
      expect_near(y[std::size_t(r * s.out + o)], sum + b[std::size_t(o)]);
    }
  }
}

TEST_F(LayerFormulas, no_rows_are_no_work) {
  Numbers w = normal_numbers(6, 1), dw(6, 0.0), db(2, 0.0);
  layers.linear_forward({0, 3, 2}, nullptr, w.data(), nullptr, nullptr);
  layers.linear_backward({0, 3, 2}, nullptr, w.data(), nullptr, nullptr, dw.data(), db.data());
  EXPECT_EQ(dw, Numbers(6, 0.0));
  EXPECT_EQ(db, Numbers(2, 0.0));
}

TEST_F(LayerFormulas, modulated_norm_standardises_every_token_then_scales_and_shifts) {
  const TokenShape s{.batch = 2, .tokens = 257, .dim = 6};
  const Numbers x = normal_numbers(s.size(), 1, 3), shift = normal_numbers(12, 2), scale = normal_numbers(12, 3);
  Numbers y(x.size(), NAN), mean(std::size_t(s.rows()), NAN), rstd = mean;
  layers.modulated_norm_forward(s, x.data(), {shift.data(), 6}, {scale.data(), 6}, y.data(), mean.data(), rstd.data());
  for (std::int64_t row = 0; row < s.rows(); ++row) {
    const double* in = x.data() + row * 6;
    double m = 0, v = 0;
    for (int i = 0; i < 6; ++i) m += in[i] / 6;
    for (int i = 0; i < 6; ++i) v += (in[i] - m) * (in[i] - m) / 6;
    const std::int64_t image = row / s.tokens;
    for (int i = 0; i < 6; ++i) {
      const double normed = (in[i] - m) / std::sqrt(v + 1e-6);
      expect_near(y[std::size_t(row * 6 + i)],
                  normed * (1 + scale[std::size_t(image * 6 + i)]) + shift[std::size_t(image * 6 + i)]);
    }
  }
}

TEST_F(LayerFormulas, zero_gates_leave_the_residual_stream_as_it_is) {
  const TokenShape s{.batch = 2, .tokens = 3, .dim = 4};
  const Numbers x = normal_numbers(s.size(), 1), h = normal_numbers(s.size(), 2), gate(8, 0.0);
  Numbers y(x.size(), NAN);
  layers.gated_residual_forward(s, x.data(), {gate.data(), 4}, h.data(), y.data());
  EXPECT_EQ(y, x);
}

TEST_F(LayerFormulas, rms_norm_makes_the_mean_square_of_every_head_one) {
  const HeadShape s{.rows = 300, .heads = 3, .dim = 4};
  const Numbers x = normal_numbers(s.rows * 12, 1, 5), w = {1, -2, 0.5, 3};
  Numbers y(x.size(), NAN), rstd(std::size_t(s.rows * s.heads), NAN);
  layers.rms_norm_forward(s, x.data(), 12, w.data(), y.data(), 12, rstd.data());
  for (std::size_t head = 0; head < rstd.size(); ++head) {
    double square = 0;
    for (std::size_t i = 0; i < 4; ++i) square += x[head * 4 + i] * x[head * 4 + i] / 4;
    for (std::size_t i = 0; i < 4; ++i) expect_near(y[head * 4 + i], x[head * 4 + i] / std::sqrt(square + 1e-6) * w[i]);
  }
}

TEST_F(LayerFormulas, activations_are_their_formulas) {
  const Numbers x = normal_numbers(100, 1, 3);
  Numbers gelu(100), silu(100);
  layers.gelu_forward(100, x.data(), gelu.data());
  layers.silu_forward(100, x.data(), silu.data());
  for (std::size_t i = 0; i < 100; ++i) {
    expect_near(gelu[i], 0.5 * x[i] * (1 + std::tanh(std::sqrt(2 / M_PI) * (x[i] + 0.044715 * x[i] * x[i] * x[i]))));
    expect_near(silu[i], x[i] / (1 + std::exp(-x[i])));
  }
}

TEST_F(LayerFormulas, timestep_features_are_cosines_then_sines_of_falling_frequencies) {
  const std::vector<double> times = {0, 0.25, 1};
  Numbers y(3 * 8, NAN);
  layers.timestep_features(3, 8, times.data(), y.data());
  for (std::size_t b = 0; b < 3; ++b) {
    for (std::size_t i = 0; i < 4; ++i) {
      const double angle = 1000 * times[b] * std::pow(10000, -double(i) / 3);
      expect_near(y[b * 8 + i], std::cos(angle));
      expect_near(y[b * 8 + 4 + i], std::sin(angle));
    }
  }
}

TEST(Rotary, products_of_queries_and_keys_depend_on_their_distance_alone) {
  ThreadPool threads(1);
  EigenLayers<double> layers(threads);
  const Grid grid{.frames = 1, .height = 9, .width = 11};
  const std::int64_t dim = 16;
  const RotaryTable<double> table = rotary_table<double>(grid, raster_order(grid), dim, 100);
  const Numbers q = normal_numbers(dim, 1), k = normal_numbers(dim, 2);
  Numbers queries, keys;
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    queries.insert(queries.end(), q.begin(), q.end());
    keys.insert(keys.end(), k.begin(), k.end());
  }
  layers.rotary_forward({grid.size(), 1, dim}, table, queries.data(), dim);
  layers.rotary_forward({grid.size(), 1, dim}, table, keys.data(), dim);
  const auto product = [&](std::int64_t a, std::int64_t b) {
    return dot(std::span(queries).subspan(std::size_t(a * dim), dim),
               std::span(keys).subspan(std::size_t(b * dim), dim));
  };
  const auto at = [&](std::int64_t row, std::int64_t column) { return row * grid.width + column; };
  // Two rows down and three columns to the right, from everywhere.
  const double expected = product(at(0, 0), at(2, 3));
  for (std::int64_t row = 0; row + 2 < grid.height; ++row) {
    for (std::int64_t column = 0; column + 3 < grid.width; ++column) {
      expect_near(product(at(row, column), at(row + 2, column + 3)), expected);
    }
  }
  EXPECT_GT(std::abs(product(at(0, 0), at(3, 2)) - expected), 1e-3) << "rows and columns must not be mixed up";
  EXPECT_EQ(dot(std::span(queries).first(std::size_t(dim)), q), dot(q, q)) << "the corner is not turned";
}

TEST(Rotary, the_first_quarter_turns_with_the_row_the_second_with_the_column) {
  const Grid grid{.frames = 1, .height = 2, .width = 3};
  const auto table = rotary_table<double>(grid, raster_order(grid), 8, 16);
  const auto angle = [&](std::size_t token, std::size_t j) {
    return std::atan2(table.sine[token * 4 + j], table.cosine[token * 4 + j]);
  };
  const std::size_t last = 5;  // row 1, column 2
  expect_near(angle(last, 0), 1);
  expect_near(angle(last, 1), 0.25);
  expect_near(angle(last, 2), 2);
  expect_near(angle(last, 3), 0.5);
}

TEST(Rotary, every_token_turns_by_its_own_place_in_any_order) {
  const Grid grid{.frames = 1, .height = 4, .width = 4};
  const TokenOrder order = morton_order(grid);
  const auto raster = rotary_table<double>(grid, raster_order(grid), 8, 100);
  const auto sorted = rotary_table<double>(grid, order, 8, 100);
  for (std::size_t i = 0; i < 16; ++i) {
    const auto cell = std::size_t(order.to_raster()[i]);
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_EQ(sorted.cosine[i * 4 + j], raster.cosine[cell * 4 + j]);
      EXPECT_EQ(sorted.sine[i * 4 + j], raster.sine[cell * 4 + j]);
    }
  }
  EXPECT_THROW(rotary_table<double>(grid, order, 6, 100), Error);
  EXPECT_THROW(rotary_table<double>(grid, order, 0, 100), Error);
}

/// The float layers, which training uses, with another number of threads and against the double ones.
RC_GTEST_PROP(FloatLayers, agree_with_double_and_with_any_number_of_threads, ()) {
  const auto rows = *rc::gen::inRange<std::int64_t>(1, 2500);
  const auto in = *rc::gen::inRange<std::int64_t>(1, 40), out = *rc::gen::inRange<std::int64_t>(1, 40);
  const LinearShape s{rows, in, out};
  const Numbers x = normal_numbers(rows * in, 1), w = normal_numbers(out * in, 2), dy = normal_numbers(rows * out, 3);
  const auto run = [&]<class T>(int thread_count, T) {
    ThreadPool threads(thread_count);
    EigenLayers<T> layers(threads);
    const AlignedVector<T> tx(x.begin(), x.end()), tw(w.begin(), w.end()), tdy(dy.begin(), dy.end());
    AlignedVector<T> result(std::size_t(rows * out + rows * in + out * in + out), T(0));
    T* const y = result.data();
    T* const dx = y + rows * out;
    T* const dw = dx + rows * in;
    layers.linear_forward(s, tx.data(), tw.data(), nullptr, y);
    layers.linear_backward(s, tx.data(), tw.data(), tdy.data(), dx, dw, dw + out * in);
    return result;
  };
  const auto one = run(1, float()), three = run(3, float());
  RC_ASSERT(one == three);
  const auto exact = run(1, double());
  for (std::size_t i = 0; i < exact.size(); ++i) {
    RC_ASSERT(std::abs(double(one[i]) - exact[i]) <=
              2e-5 * std::sqrt(double(rows + in + out)) * (1 + std::abs(exact[i])));
  }
}

}  // namespace
}  // namespace llsa::diffusion::testing
