#pragma once

#include <cstdint>
#include <span>

#include "llsa/thread_pool.hpp"

namespace llsa::diffusion {

/// AdamW (Loshchilov and Hutter): decay is decoupled, moments are corrected for their start.
struct AdamConfig {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0;
};

/// The rate of step `step` (0-based): rises linearly over `warmup` steps, then stays, or falls to zero along a half
/// cosine that ends at step `total`.
double scheduled_rate(double peak, std::int64_t step, std::int64_t warmup, bool cosine, std::int64_t total);

/// One step in place; `step` counts from 1; every gradient is multiplied by `gradient_scale` first. All spans have one
/// length. The number of threads changes nothing.
template <class T>
void adamw_step(std::span<T> weights, std::span<const T> gradients, std::span<T> first, std::span<T> second,
                std::int64_t step, const AdamConfig& config, double gradient_scale, ThreadPool& threads);

/// The Euclidean norm, summed in double over fixed pieces in ascending order.
template <class T>
double euclidean_norm(std::span<const T> values, ThreadPool& threads);

/// What to multiply gradients with so that their norm is at most `limit` (1 when it is already, or when limit is 0).
double clip_factor(double norm, double limit);

/// `average = decay * average + (1 - decay) * weights`.
template <class T>
void update_average(std::span<T> average, std::span<const T> weights, double decay, ThreadPool& threads);

/// The decay of step `step` (0-based): young averages forget faster, `min(decay, (1 + step) / (10 + step))`.
double average_decay(double decay, std::int64_t step);

}  // namespace llsa::diffusion
