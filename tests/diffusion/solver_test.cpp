// Solvers on flows whose solution is known.
#include "diffusion/solver.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

constexpr Solver all[] = {Solver::euler, Solver::heun, Solver::dpm2m};

/// Pictures that are normal with deviation c, noise with deviation 1: the velocity is linear in x, and paths keep their
/// place among the deviations, x(t) = x(1) sqrt((1 - t)^2 c^2 + t^2).
double variance(double t, double c) { return (1 - t) * (1 - t) * c * c + t * t; }
VelocityField normal_field(double c) {
  return [c](double t, std::span<const float> x, std::span<float> v) {
    // v = (x - D) / t with D = E[picture | x]; written without the division, which t = 0 would not survive.
    const double slope = (t - (1 - t) * c * c) / variance(t, c);
    for (std::size_t i = 0; i < x.size(); ++i) v[i] = float(slope * double(x[i]));
  };
}

double error_after(Solver solver, int steps, double shift = 1) {
  constexpr double c = 0.5;
  std::vector<float> x = {1.5f, -0.75f};
  solve(solver, normal_field(c), sampling_times(steps, shift), x);
  return std::max(std::abs(double(x[0]) - 1.5 * c), std::abs(double(x[1]) + 0.75 * c));
}

TEST(Solver, all_reach_the_data_point_exactly_when_the_velocity_is_that_of_one_picture) {
  // All paths that end in one picture d have the velocity (x - d) / t: straight lines.
  const std::vector<float> data = {0.25f, -1.0f, 0.5f};
  for (const Solver solver : all)
    for (const double shift : {1.0, 3.0}) {
      std::vector<float> x = {3.0f, 1.0f, -2.0f};
      solve(
          solver,
          [&](double t, std::span<const float> at, std::span<float> velocity) {
            ASSERT_GT(t, 0) << name_of(solver) << " asks for the velocity at the picture";
            for (std::size_t i = 0; i < 3; ++i) velocity[i] = float((double(at[i]) - double(data[i])) / t);
          },
          sampling_times(20, shift), x);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(x[i], data[i], 1e-5) << name_of(solver) << " shift " << shift;
    }
}

TEST(Solver, the_error_falls_with_the_order_of_the_method) {
  EXPECT_NEAR(error_after(Solver::euler, 40) / error_after(Solver::euler, 80), 2, 0.1);
  EXPECT_NEAR(error_after(Solver::heun, 20) / error_after(Solver::heun, 40), 4, 0.6);
}

TEST(Solver, dpm_is_of_second_order_in_steps_of_the_log_ratio) {
  // Even steps in log((1 - t) / t), as its derivation has them; the first step has nothing before it and is of first.
  constexpr double c = 0.5;
  const auto error = [](int steps) {
    std::vector<double> times;
    for (int k = 0; k <= steps; ++k) times.push_back(1 / (1 + std::exp(-3.0 + 6.0 * k / steps)));
    std::vector<float> x = {1.5f};
    solve(Solver::dpm2m, normal_field(c), times, x);
    return std::abs(double(x[0]) - 1.5 * std::sqrt(variance(times.back(), c) / variance(times.front(), c)));
  };
  EXPECT_NEAR(error(20) / error(40), 4, 0.8);
}

TEST(Solver, those_of_second_order_need_fewer_evaluations) {
  const double euler = error_after(Solver::euler, 32);
  EXPECT_LT(error_after(Solver::heun, 16), euler / 3);
  EXPECT_LT(error_after(Solver::dpm2m, 32), euler / 3);
  EXPECT_LT(error_after(Solver::dpm2m, 32, 2.0), error_after(Solver::euler, 32, 2.0) / 2);
}

TEST(Solver, a_second_step_is_what_its_formula_says) {
  // Two steps of DPM-Solver++ (2M) inside (0, 1), worked out by hand for v = a x + b t.
  const auto velocity = [](double t, double x) { return 0.3 * x + 0.7 * t; };
  const std::vector<double> times = {0.8, 0.5, 0.3};
  const double x0 = 1.2, d0 = x0 - 0.8 * velocity(0.8, x0), x1 = (0.5 / 0.8) * x0 + (1 - 0.5 / 0.8) * d0;
  const auto l = [](double t) { return std::log((1 - t) / t); };
  const double r = (l(0.5) - l(0.8)) / (l(0.3) - l(0.5)), d1 = x1 - 0.5 * velocity(0.5, x1);
  const double x2 = (0.3 / 0.5) * x1 + (1 - 0.3 / 0.5) * ((1 + 1 / (2 * r)) * d1 - 1 / (2 * r) * d0);
  std::vector<float> x = {float(x0)};
  std::vector<double> seen;
  solve(
      Solver::dpm2m,
      [&](double t, std::span<const float> at, std::span<float> v) { v[0] = float(velocity(t, double(at[0]))); }, times,
      x,
      [&](int step, double t, std::span<const float> at) {
        EXPECT_EQ(t, times[std::size_t(step)]);
        seen.push_back(double(at[0]));
      });
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_NEAR(seen[1], x1, 1e-6);
  EXPECT_NEAR(seen[2], x2, 1e-6);
  // And one of Heun's.
  std::vector<float> y = {float(x0)};
  solve(
      Solver::heun,
      [&](double t, std::span<const float> at, std::span<float> v) { v[0] = float(velocity(t, double(at[0]))); },
      std::vector<double>{0.8, 0.5}, y);
  const double v0 = velocity(0.8, x0);
  EXPECT_NEAR(y[0], x0 - 0.3 * (v0 + velocity(0.5, x0 - 0.3 * v0)) / 2, 1e-6);
}

TEST(Solver, evaluations_are_counted) {
  for (const auto& [solver, count] : {std::pair{Solver::euler, 10}, {Solver::heun, 19}, {Solver::dpm2m, 10}}) {
    int calls = 0;
    std::vector<float> x = {1.0f};
    solve(
        solver,
        [&](double, std::span<const float> at, std::span<float> v) {
          ++calls;
          v[0] = at[0];
        },
        sampling_times(10, 1), x);
    EXPECT_EQ(calls, count) << name_of(solver);
  }
}

TEST(Solver, names_go_there_and_back) {
  for (const Solver solver : all) EXPECT_EQ(solver_from(std::string(name_of(solver))), solver);
  try {
    solver_from("ddim");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "sampler is 'ddim'; it must be euler, heun, dpm++2m");
  }
}

}  // namespace
}  // namespace llsa::diffusion
