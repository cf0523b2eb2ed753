#include "diffusion/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace llsa::diffusion {
namespace {

constexpr std::int64_t piece_size = 1 << 15;

std::int64_t pieces_of(std::size_t size) { return (static_cast<std::int64_t>(size) + piece_size - 1) / piece_size; }

template <class Work>
void for_pieces(std::size_t size, ThreadPool& threads, const Work& work) {
  threads.parallel_for(pieces_of(size), [&](std::int64_t i, int) {
    work(i, std::size_t(i * piece_size), std::min(size, std::size_t((i + 1) * piece_size)));
  });
}

}  // namespace

double scheduled_rate(double peak, std::int64_t step, std::int64_t warmup, bool cosine, std::int64_t total) {
  if (step < warmup) return peak * double(step + 1) / double(warmup);
  if (!cosine || total <= warmup) return peak;
  const double progress = std::min(1.0, double(step - warmup) / double(total - warmup));
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

template <class T>
void adamw_step(std::span<T> weights, std::span<const T> gradients, std::span<T> first, std::span<T> second,
                std::int64_t step, const AdamConfig& c, double gradient_scale, ThreadPool& threads) {
  const T rate = T(c.learning_rate / (1 - std::pow(c.beta1, double(step))));
  const T correction = T(1 / std::sqrt(1 - std::pow(c.beta2, double(step))));
  const T keep = T(1 - c.learning_rate * c.weight_decay), epsilon = T(c.epsilon), scale = T(gradient_scale);
  const T b1 = T(c.beta1), b2 = T(c.beta2), rest1 = T(1 - c.beta1), rest2 = T(1 - c.beta2);
  for_pieces(weights.size(), threads, [&](std::int64_t, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const T g = gradients[i] * scale;
      first[i] = b1 * first[i] + rest1 * g;
      second[i] = b2 * second[i] + rest2 * g * g;
      weights[i] = keep * weights[i] - rate * first[i] / (std::sqrt(second[i]) * correction + epsilon);
    }
  });
}

template <class T>
double euclidean_norm(std::span<const T> values, ThreadPool& threads) {
  std::vector<double> sums(std::size_t(pieces_of(values.size())));
  for_pieces(values.size(), threads, [&](std::int64_t piece, std::size_t begin, std::size_t end) {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += double(values[i]) * double(values[i]);
    sums[std::size_t(piece)] = sum;
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return std::sqrt(total);
}

double clip_factor(double norm, double limit) { return limit > 0 && norm > limit ? limit / norm : 1; }

template <class T>
void update_average(std::span<T> average, std::span<const T> weights, double decay, ThreadPool& threads) {
  const T keep = T(decay), take = T(1 - decay);
  for_pieces(weights.size(), threads, [&](std::int64_t, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) average[i] = keep * average[i] + take * weights[i];
  });
}

double average_decay(double decay, std::int64_t step) { return std::min(decay, double(1 + step) / double(10 + step)); }

#define LLSA_INSTANTIATE(T)                                                                            \
  template void adamw_step(std::span<T>, std::span<const T>, std::span<T>, std::span<T>, std::int64_t, \
                           const AdamConfig&, double, ThreadPool&);                                    \
  template double euclidean_norm(std::span<const T>, ThreadPool&);                                     \
  template void update_average(std::span<T>, std::span<const T>, double, ThreadPool&)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion
