#include "compare/verify/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "compare/verify/uncertain_keys.hpp"

namespace llsa::compare::verify {
namespace {

struct Range {
  double low = 0, high = 0;
};
Range operator+(Range a, Range b) { return {a.low + b.low, a.high + b.high}; }
Range operator*(double factor, Range a) {
  return factor < 0 ? Range{factor * a.high, factor * a.low} : Range{factor * a.low, factor * a.high};
}
Range operator*(Range a, Range b) {
  const auto [low, high] = std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
  return {low, high};
}

double dot(const double* x, const double* y, std::int64_t dim) { return std::inner_product(x, x + dim, y, 0.0); }

void add(Interval& to, std::int64_t head, std::int64_t t, std::int64_t d, Range range) {
  to.low.view().head(head)(t, d) += range.low;
  to.high.view().head(head)(t, d) += range.high;
}

Interval none(const Shape& shape) { return {Tensor<double>(shape), Tensor<double>(shape)}; }

/// Softmax over a key set that is not known exactly.
class UncertainRow {
 public:
  UncertainRow(const std::vector<UncertainKey>& keys, std::vector<double> scores)
      : keys_(keys), scores_(std::move(scores)), weights_(scores_.size()) {
    largest_ = *std::max_element(scores_.begin(), scores_.end());
    double smallest = 0;
    for (std::size_t j = 0; j < scores_.size(); ++j) {
      weights_[j] = std::exp(scores_[j] - largest_);
      all_ += weights_[j];
      if (keys_[j].certain) certain_ += weights_[j];
      if (j == 0 || weights_[j] < smallest) smallest = weights_[j];
    }
    // Some key is there, whichever it is.
    lse_ = {largest_ + std::log(certain_ > 0 ? certain_ : smallest), largest_ + std::log(all_)};
  }

  Range lse() const { return lse_; }
  Range probability(std::size_t j) const {
    return {keys_[j].certain ? std::exp(scores_[j] - lse_.high) : 0, std::min(1.0, std::exp(scores_[j] - lse_.low))};
  }

  /// The extreme means of `values` over key sets that hold all certain keys and any of the others.
  Range mean(const std::vector<double>& values) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    if (!std::ranges::all_of(values, [](double x) { return std::isfinite(x); })) return {unknown, unknown};
    double sum = 0;
    for (std::size_t j = 0; j < values.size(); ++j)
      if (keys_[j].certain) sum += weights_[j] * values[j];
    order_.clear();
    for (std::size_t j = 0; j < values.size(); ++j)
      if (!keys_[j].certain) order_.push_back(j);
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
    const auto extreme = [&](auto begin, auto end, auto better) {
      double total = sum, mass = certain_;
      if (mass == 0) {
        total = values[*begin];  // a mean over any keys is no better than the best of them
        mass = 1;
      } else {
        for (auto j = begin; j != end && better(values[*j], total / mass); ++j) {
          total += weights_[*j] * values[*j];
          mass += weights_[*j];
        }
      }
      return total / mass;
    };
    return {extreme(order_.rbegin(), order_.rend(), std::less<>()),
            extreme(order_.begin(), order_.end(), std::greater<>())};
  }

 private:
  const std::vector<UncertainKey>& keys_;
  std::vector<double> scores_, weights_;
  std::vector<std::size_t> order_;
  double largest_ = 0, certain_ = 0, all_ = 0;
  Range lse_;
};

class Bounding {
 public:
  Bounding(const Problem<double>& problem, const ResolvedOptions& options, DefinitionEvaluator& evaluator,
           OpenBounds& bounds)
      : p_(problem), o_(options), evaluator_(evaluator), definition_(specification(options)), bounds_(bounds) {
    for (int l = 0; problem.has_gradient() && l <= options.levels; ++l) {
      Shape k = problem.key.shape(), v = problem.value.shape();
      k.tokens = v.tokens = options.key.length(l);
      key_.push_back(none(k));
      value_.push_back(none(v));
    }
  }

  void row(std::int64_t head, std::int64_t i, const std::vector<UncertainKey>& keys) {
    const std::int64_t dim = p_.query.shape().dim, value_dim = p_.value.shape().dim;
    const double* q = p_.query.view().head(head).row(i);
    std::vector<double> scores, column(keys.size());
    for (const UncertainKey& key : keys)
      scores.push_back(o_.scale * dot(q, evaluator_.key(definition_, head, key.ref), dim) + std::log(key.ref.weight));
    UncertainRow row(keys, std::move(scores));
    add(bounds_.lse, head, i, 0, row.lse());
    Range delta;
    for (std::int64_t d = 0; d < value_dim; ++d) {
      for (std::size_t j = 0; j < keys.size(); ++j) column[j] = evaluator_.value(definition_, head, keys[j].ref)[d];
      const Range mean = row.mean(column);
      add(bounds_.output, head, i, d, mean);
      if (p_.has_gradient()) delta = delta + p_.output_gradient.view().head(head)(i, d) * mean;
    }
    if (!p_.has_gradient()) return;
    const double* output_gradient = p_.output_gradient.view().head(head).row(i);
    const double lse_gradient = p_.has_lse_gradient() ? p_.lse_gradient.view().head(head)(i, 0) : 0;
    const std::int64_t k_head = o_.key_head(head);
    for (std::size_t j = 0; j < keys.size(); ++j) {
      const reference::AttendedKey& ref = keys[j].ref;
      const auto level = static_cast<std::size_t>(ref.level);
      const double* k = evaluator_.key(definition_, head, ref);
      const double product = dot(output_gradient, evaluator_.value(definition_, head, ref), value_dim) + lse_gradient;
      const Range probability = row.probability(j),
                  score_gradient = o_.scale * (probability * (Range{product, product} + -1.0 * delta));
      for (std::int64_t d = 0; d < dim; ++d) {
        add(bounds_.query_gradient, head, i, d, k[d] * score_gradient);
        add(key_[level], k_head, ref.token, d, q[d] * score_gradient);
      }
      for (std::int64_t d = 0; d < value_dim; ++d)
        add(value_[level], k_head, ref.token, d, output_gradient[d] * probability);
    }
  }

  /// Gives every fine token its ancestors' shares (spec section 5).
  void finish() {
    for (std::size_t l = 0; l < key_.size(); ++l) {
      unpool(static_cast<int>(l), key_[l], bounds_.key_gradient);
      unpool(static_cast<int>(l), value_[l], bounds_.value_gradient);
    }
  }

 private:
  void unpool(int level, const Interval& from, Interval& to) const {
    const Shape& s = to.low.shape();
    for (std::int64_t head = 0; head < s.batch * s.heads; ++head)
      for (std::int64_t j = 0; j < s.tokens; ++j) {
        const std::int64_t t = o_.key.ancestor(level, j);
        const auto count = static_cast<double>(o_.key.count(level, t));
        for (std::int64_t d = 0; d < s.dim; ++d)
          add(to, head, j, d, 1 / count * Range{from.low.view().head(head)(t, d), from.high.view().head(head)(t, d)});
      }
  }

  const Problem<double>& p_;
  const ResolvedOptions& o_;
  DefinitionEvaluator& evaluator_;
  Definition definition_;
  OpenBounds& bounds_;
  std::vector<Interval> key_, value_;  ///< `[l]`
};

}  // namespace

OpenBounds open_bounds(const Problem<double>& p, const ResolvedOptions& o, const LevelMeans& means,
                       const Selection& lists, const std::vector<bool>& given, const std::vector<Standing>& blocks,
                       double gap, DefinitionEvaluator& evaluator) {
  Shape output = p.query.shape(), lse = p.query.shape();
  output.dim = p.value.shape().dim;
  lse.dim = 1;
  OpenBounds bounds{none(output), none(lse), none(p.query.shape()), none(p.key.shape()), none(p.value.shape())};
  Bounding bounding(p, o, evaluator, bounds);
  const std::int64_t count = o.query.length(1);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b] != Standing::open) continue;
    const auto head = static_cast<std::int64_t>(b) / count, block = static_cast<std::int64_t>(b) % count;
    const std::vector<UncertainKey> keys = uncertain_keys(o, means, lists, given, gap, head, block);
    const TokenRange rows = o.query.fine(1, block);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) bounding.row(head, i, keys);
  }
  bounding.finish();
  return bounds;
}

}  // namespace llsa::compare::verify
