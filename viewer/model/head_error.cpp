#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/dense.hpp"
#include "viewer/model/head_result.hpp"
#include "viewer/model/query_view.hpp"

namespace llsa::viewer {
namespace {

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t d = 0; d < n; ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

/// Sums over queries, and the place of the per-query numbers.
struct Sums {
  double difference = 0, dense = 0, mass = 0, keys = 0;
};

}  // namespace

HeadError measure_error(const HeadSelection& selection, const HeadOutputs& outputs, std::int64_t queries,
                        ThreadPool& threads, const std::function<void(double)>& progress) {
  const Head& head = *selection.head;
  const Shape shape = head.query.shape();
  const std::int64_t dim = shape.dim, value_dim = head.value.shape().dim;
  HeadError error;
  error.queries = std::min(queries, shape.tokens);
  error.exact = error.queries == shape.tokens;
  error.query_error.assign(static_cast<std::size_t>(shape.tokens), std::numeric_limits<float>::quiet_NaN());
  // Evenly spread positions, in chunks, so that a person sees progress and can stop.
  const auto position = [&](std::int64_t n) { return n * shape.tokens / error.queries; };
  constexpr std::int64_t chunk = 256;
  Sums sums;
  for (std::int64_t begin = 0; begin < error.queries; begin += chunk) {
    if (progress) progress(static_cast<double>(begin) / static_cast<double>(error.queries));
    const std::int64_t count = std::min(chunk, error.queries - begin);
    Tensor<float> q(Shape{1, 1, count, dim}), dense(Shape{1, 1, count, value_dim}), lse(Shape{1, 1, count, 1});
    for (std::int64_t n = 0; n < count; ++n)
      std::copy_n(head.query.data() + position(begin + n) * dim, dim, q.data() + n * dim);
    reference::dense_tiled<float>({q.view(), head.key.view(), head.value.view()}, selection.options.scale,
                                  {dense.view(), lse.view()}, threads);
    for (std::int64_t n = 0; n < count; ++n) {
      const std::int64_t i = position(begin + n);
      const float *ours = outputs.output.data() + i * value_dim, *exact = dense.data() + n * value_dim;
      double difference = 0;
      for (std::int64_t d = 0; d < value_dim; ++d) {
        const double gap = static_cast<double>(ours[d]) - static_cast<double>(exact[d]);
        difference += gap * gap;
      }
      const double norm = dot(exact, exact, value_dim),
                   dense_lse = static_cast<double>(lse.flat()[static_cast<std::size_t>(n)]);
      const auto relative = static_cast<float>(std::sqrt(difference / norm));
      error.query_error[static_cast<std::size_t>(i)] = relative;
      const float worst = error.worst ? error.query_error[static_cast<std::size_t>(*error.worst)] : -1.0f;
      if (!std::isnan(worst) && !(relative <= worst)) error.worst = i;
      const double lse_gap = std::abs(static_cast<double>(outputs.lse.flat()[static_cast<std::size_t>(i)]) - dense_lse);
      if (!(lse_gap <= error.lse_error)) error.lse_error = lse_gap;
      for (const reference::KeyRun& run : key_runs(selection, i)) {
        sums.keys += static_cast<double>(run.end - run.begin);
        if (run.level != 0) continue;
        for (std::int64_t j = run.begin; j < run.end; ++j)
          sums.mass +=
              std::exp(selection.options.scale * dot(q.data() + n * dim, head.key.data() + j * dim, dim) - dense_lse);
      }
      sums.difference += difference;
      sums.dense += norm;
    }
  }
  const auto compared = static_cast<double>(error.queries);
  error.relative_l2 = std::sqrt(sums.difference / sums.dense);
  error.mass_held = sums.mass / compared;
  error.keys_per_query = sums.keys / compared;
  return error;
}

}  // namespace llsa::viewer
