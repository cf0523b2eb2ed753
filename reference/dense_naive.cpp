#include <cmath>
#include <limits>

#include "reference/dense.hpp"

namespace llsa::reference {
namespace {

double dot(const double* x, const double* y, std::size_t n) {
  double sum = 0;
  for (std::size_t d = 0; d < n; ++d) sum += x[d] * y[d];
  return sum;
}

std::vector<double> row(const HeadView<const double>& view, std::int64_t token) {
  std::vector<double> values;
  for (std::int64_t d = 0; d < view.dim; ++d) values.push_back(view(token, d));
  return values;
}

std::vector<WeightedKey> all_keys(const HeadView<const double>& key, const HeadView<const double>& value) {
  std::vector<WeightedKey> keys;
  for (std::int64_t j = 0; j < key.tokens; ++j) keys.push_back({row(key, j), row(value, j), 1});
  return keys;
}

/// floor(h / g) of spec section 9, within the batch entry.
std::int64_t key_head_of(const AttentionInputs<double>& inputs, std::int64_t head) {
  const std::int64_t heads = inputs.query.shape.heads, key_heads = inputs.key.shape.heads;
  return head / heads * key_heads + head % heads / (heads / key_heads);
}

}  // namespace

// Non-finite numbers follow from the formula, with two conventions: the maximum ignores NaN scores, and a maximum of
// -inf is replaced by 0. So a NaN or +inf score makes O and LSE NaN; scores that are all -inf give LSE = -inf and O =
// NaN.
NaiveRow naive_row(const std::vector<double>& query, const std::vector<WeightedKey>& keys, double scale) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> scores;
  double maximum = -infinity;
  for (const WeightedKey& k : keys) {
    scores.push_back(scale * dot(query.data(), k.key.data(), query.size()) + std::log(k.weight));
    maximum = std::fmax(maximum, scores.back());
  }
  if (maximum == -infinity) maximum = 0;

  NaiveRow result{std::vector<double>(keys.front().value.size(), 0.0), 0};
  double sum = 0;
  for (std::size_t j = 0; j < keys.size(); ++j) {
    const double e = std::exp(scores[j] - maximum);
    sum += e;
    for (std::size_t d = 0; d < result.output.size(); ++d) result.output[d] += e * keys[j].value[d];
  }
  for (double& o : result.output) o /= sum;
  result.lse = maximum + std::log(sum);
  return result;
}

NaiveOutputs dense_naive(const AttentionInputs<double>& inputs, double scale) {
  const Shape& q = inputs.query.shape;
  NaiveOutputs outputs{Tensor<double>({q.batch, q.heads, q.tokens, inputs.value.shape.dim}),
                       Tensor<double>({q.batch, q.heads, q.tokens, 1})};
  for (std::int64_t head = 0; head < q.batch * q.heads; ++head) {
    const std::int64_t key_head = key_head_of(inputs, head);
    const std::vector<WeightedKey> keys = all_keys(inputs.key.head(key_head), inputs.value.head(key_head));
    for (std::int64_t i = 0; i < q.tokens; ++i) {
      const NaiveRow result = naive_row(row(inputs.query.head(head), i), keys, scale);
      outputs.lse.view().head(head)(i, 0) = result.lse;
      for (std::size_t d = 0; d < result.output.size(); ++d)
        outputs.output.view().head(head)(i, static_cast<std::int64_t>(d)) = result.output[d];
    }
  }
  return outputs;
}

NaiveGradients dense_naive_backward(const AttentionInputs<double>& inputs, double scale,
                                    const AttentionOutputGradients<double>& output_gradients) {
  NaiveGradients gradients{Tensor<double>(inputs.query.shape), Tensor<double>(inputs.key.shape),
                           Tensor<double>(inputs.value.shape)};
  const Shape& q = inputs.query.shape;
  for (std::int64_t head = 0; head < q.batch * q.heads; ++head) {
    const std::int64_t key_head = key_head_of(inputs, head);
    const std::vector<WeightedKey> keys = all_keys(inputs.key.head(key_head), inputs.value.head(key_head));
    const auto dq = gradients.query.view().head(head);
    const auto dk = gradients.key.view().head(key_head);
    const auto dv = gradients.value.view().head(key_head);
    for (std::int64_t i = 0; i < q.tokens; ++i) {
      const std::vector<double> query = row(inputs.query.head(head), i);
      const std::vector<double> output_gradient = row(output_gradients.output.head(head), i);
      const double lse_gradient = output_gradients.lse.data ? output_gradients.lse.head(head)(i, 0) : 0.0;
      const NaiveRow result = naive_row(query, keys, scale);
      const double delta = dot(output_gradient.data(), result.output.data(), output_gradient.size());
      for (std::size_t j = 0; j < keys.size(); ++j) {
        const auto token = static_cast<std::int64_t>(j);
        const double s = scale * dot(query.data(), keys[j].key.data(), query.size());
        const double p = std::exp(s - result.lse);
        const double dp = dot(output_gradient.data(), keys[j].value.data(), output_gradient.size());
        const double ds = p * (dp - delta + lse_gradient);
        for (std::int64_t d = 0; d < dv.dim; ++d) dv(token, d) += p * output_gradient[static_cast<std::size_t>(d)];
        for (std::int64_t d = 0; d < dq.dim; ++d) {
          dq(i, d) += scale * ds * keys[j].key[static_cast<std::size_t>(d)];
          dk(token, d) += scale * ds * query[static_cast<std::size_t>(d)];
        }
      }
    }
  }
  return gradients;
}

}  // namespace llsa::reference
