#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llsa::diffusion {

/// How the flow is followed from noise (t = 1) to picture (t = 0). With D = x - t v the picture that the model expects:
///   euler     x' = x + (t' - t) v                                         one evaluation a step, order 1
///   heun      with the mean of the velocities at both ends; the last step, which would end in an evaluation at t = 0,
///             is Euler's                                                  two evaluations, order 2
///   dpm++2m   DPM-Solver++ (2M): x' = (t' / t) x + (1 - t' / t) (D + (D - D before) / (2 r)), r = h before / h with h
///             the step in log((1 - t) / t); where that is infinite, at both ends, it is Euler's
///                                         one evaluation, order 2 in that logarithm (Lu et al., 2022, in flow form)
enum class Solver { euler, heun, dpm2m };
std::string_view name_of(Solver solver);
/// Throws `Error` that lists the names.
Solver solver_from(const std::string& name);

/// The times of `steps` steps from noise to picture: `shifted_time(1 - k / steps)` for k = 0..steps, 1 first, 0 last.
std::vector<double> sampling_times(int steps, double time_shift);

/// Velocity of x at time t, written to `velocity` (as long as x).
using VelocityField = std::function<void(double t, std::span<const float> x, std::span<float> velocity)>;
/// Called with the number of steps done (0 for the noise) and what is there then.
using StepObserver = std::function<void(int step, double t, std::span<const float> x)>;

/// Follows the field through `times` (descending) in place.
void solve(Solver solver, const VelocityField& field, std::span<const double> times, std::span<float> x,
           const StepObserver& observer = {});

/// Where the straight line from `x` at time `t` to `next` at `next_t` leads at t = 0: the picture that the model
/// expects. All spans are equally long.
void line_end(std::span<const float> x, double t, std::span<const float> next, double next_t, std::span<float> end);

}  // namespace llsa::diffusion
