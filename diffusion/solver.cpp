#include "diffusion/solver.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "diffusion/aligned.hpp"
#include "diffusion/flow.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

constexpr std::array<std::string_view, 3> names{"euler", "heun", "dpm++2m"};

void advance(std::span<float> x, std::span<const float> velocity, double step) {
  const float by = float(step);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += by * velocity[i];
}

void euler_step(const VelocityField& field, double from, double to, std::span<float> x, std::span<float> velocity) {
  field(from, x, velocity);
  advance(x, velocity, to - from);
}

class Heun {
 public:
  void step(const VelocityField& field, double from, double to, std::span<float> x, std::span<float> velocity) {
    if (to <= 0) return euler_step(field, from, to, x, velocity);
    field(from, x, velocity);
    there_.assign(x.begin(), x.end());
    advance(there_, velocity, to - from);
    end_.resize(x.size());
    field(to, there_, end_);
    const float half = float((to - from) / 2);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += half * (velocity[i] + end_[i]);
  }

 private:
  AlignedVector<float> there_, end_;
};

class Dpm2m {
 public:
  void step(const VelocityField& field, double from, double to, std::span<float> x, std::span<float> velocity) {
    field(from, x, velocity);
    const double h = log_ratio(to) - log_ratio(from), ratio = to / from;
    // The picture's own part of what changes; infinite steps, from t = 1 and to t = 0, are of first order.
    const bool second = !before_.empty() && std::isfinite(h) && std::isfinite(h_before_);
    const float extra = second ? float(h / (2 * h_before_)) : 0.0f;
    now_.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) now_[i] = x[i] - float(from) * velocity[i];
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float picture = second ? now_[i] + extra * (now_[i] - before_[i]) : now_[i];
      x[i] = float(ratio) * x[i] + float(1 - ratio) * picture;
    }
    std::swap(now_, before_);
    h_before_ = h;
  }

 private:
  static double log_ratio(double t) { return std::log((1 - t) / t); }

  AlignedVector<float> now_, before_;
  double h_before_ = 0;
};

}  // namespace

std::string_view name_of(Solver solver) { return names[std::size_t(solver)]; }

Solver solver_from(const std::string& name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return Solver(i);
  throw Error(fmt::format("sampler is '{}'; it must be {}", name, fmt::join(names, ", ")));
}

std::vector<double> sampling_times(int steps, double time_shift) {
  std::vector<double> times;
  for (int k = 0; k <= steps; ++k) times.push_back(shifted_time(1 - double(k) / steps, time_shift));
  return times;
}

void solve(Solver solver, const VelocityField& field, std::span<const double> times, std::span<float> x,
           const StepObserver& observer) {
  AlignedVector<float> velocity(x.size());
  Heun heun;
  Dpm2m dpm;
  if (observer) observer(0, times.front(), x);
  for (std::size_t k = 0; k + 1 < times.size(); ++k) {
    const double from = times[k], to = times[k + 1];
    switch (solver) {
      case Solver::euler:
        euler_step(field, from, to, x, velocity);
        break;
      case Solver::heun:
        heun.step(field, from, to, x, velocity);
        break;
      case Solver::dpm2m:
        dpm.step(field, from, to, x, velocity);
        break;
    }
    if (observer) observer(int(k) + 1, to, x);
  }
}

void line_end(std::span<const float> x, double t, std::span<const float> next, double next_t, std::span<float> end) {
  const float back = float(t / (t - next_t));
  for (std::size_t i = 0; i < x.size(); ++i) end[i] = x[i] + back * (next[i] - x[i]);
}

}  // namespace llsa::diffusion
