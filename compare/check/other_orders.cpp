#include "compare/check/other_orders.hpp"

#include <algorithm>
#include <cmath>

#include "compare/comparator.hpp"
#include "reference/naive.hpp"

namespace llsa::compare::check {
namespace {

using reference::AttendedKey;

/// C is the type that sums are taken in.
template <class C>
class Ordered {
 public:
  Ordered(const Problem<double>& problem, const Selection& lists, DType storage, Order order)
      : p_(problem), o_(problem.resolved()), lists_(lists), storage_(storage), order_(order) {
    for (const auto* tensor : {&p_.key, &p_.value}) {
      std::vector<Tensor<double>> levels = reference::naive_pool(tensor->view(), o_.key);
      for (Tensor<double>& level : levels)
        for (double& x : level.flat())
          x = order == Order::rounded_means ? rounded_to(storage, x) : static_cast<double>(static_cast<C>(x));
      levels.insert(levels.begin(), *tensor);
      (tensor == &p_.key ? key_ : value_) = std::move(levels);
    }
  }

  Outcome<double> run() {
    const Shape q = p_.query.shape();
    Outcome<double> out;
    out.options = o_;
    out.selection = lists_;
    out.output = Tensor<double>({q.batch, q.heads, q.tokens, p_.value.shape().dim});
    out.lse = Tensor<double>({q.batch, q.heads, q.tokens, 1});
    out.query_gradient = Tensor<double>(q);
    out.key_gradient = Tensor<double>(p_.key.shape());
    out.value_gradient = Tensor<double>(p_.value.shape());
    for (std::int64_t head = 0; head < p_.head_count(); ++head) run_head(head, out);
    for (auto* tensor : {&out.output, &out.query_gradient, &out.key_gradient, &out.value_gradient})
      for (double& x : tensor->flat()) x = rounded_to(storage_, x);
    return out;
  }

 private:
  double kept(C x) const {
    return order_ == Order::rounded_probability ? rounded_to(storage_, static_cast<double>(x)) : static_cast<double>(x);
  }
  const double* row(const std::vector<Tensor<double>>& levels, std::int64_t head, const AttendedKey& ref) const {
    return levels[static_cast<std::size_t>(ref.level)].view().head(head).row(ref.token);
  }
  static C dot(const double* x, const double* y, std::int64_t dim) {
    C sum = 0;
    for (std::int64_t d = 0; d < dim; ++d) sum += static_cast<C>(x[d]) * static_cast<C>(y[d]);
    return sum;
  }

  /// Softmax over every `step`th key from `first` on.
  struct Part {
    C largest = 0, sum = 0;
    std::vector<C> output;
  };
  Part part(std::int64_t head, const std::vector<AttendedKey>& keys, const std::vector<C>& scores, std::size_t first,
            std::size_t step) const {
    const std::int64_t dim = p_.value.shape().dim;
    Part result{scores[first], 0, std::vector<C>(static_cast<std::size_t>(dim), C{0})};
    for (std::size_t j = first; j < keys.size(); j += step) result.largest = std::max(result.largest, scores[j]);
    for (std::size_t j = first; j < keys.size(); j += step) {
      const C weight = std::exp(scores[j] - result.largest);
      result.sum += weight;
      const double* v = row(value_, head, keys[j]);
      for (std::int64_t d = 0; d < dim; ++d)
        result.output[static_cast<std::size_t>(d)] += static_cast<C>(kept(weight)) * static_cast<C>(v[d]);
    }
    return result;
  }

  void run_head(std::int64_t head, Outcome<double>& out) {
    const std::int64_t queries = o_.query.tokens(), dim = p_.query.shape().dim, value_dim = p_.value.shape().dim;
    std::vector<std::vector<C>> key_gradient, value_gradient;
    for (int l = 0; l <= o_.levels; ++l) {
      key_gradient.emplace_back(static_cast<std::size_t>(o_.key.length(l) * dim), C{0});
      value_gradient.emplace_back(static_cast<std::size_t>(o_.key.length(l) * value_dim), C{0});
    }
    for (std::int64_t n = 0; n < queries; ++n) {
      const std::int64_t i = order_ == Order::reversed ? queries - 1 - n : n;
      std::vector<AttendedKey> keys = reference::naive_key_set(lists_, o_, head, i);
      if (order_ == Order::reversed) std::ranges::reverse(keys);
      const double* q = p_.query.view().head(head).row(i);
      std::vector<C> scores;
      for (const AttendedKey& ref : keys)
        scores.push_back(static_cast<C>(o_.scale) * dot(q, row(key_, head, ref), dim) +
                         std::log(static_cast<C>(ref.weight)));
      Part all = part(head, keys, scores, 0, order_ == Order::halves && keys.size() > 1 ? 2 : 1);
      if (order_ == Order::halves && keys.size() > 1) {
        const Part other = part(head, keys, scores, 1, 2);
        const C largest = std::max(all.largest, other.largest), a = std::exp(all.largest - largest),
                b = std::exp(other.largest - largest);
        for (std::size_t d = 0; d < all.output.size(); ++d) all.output[d] = a * all.output[d] + b * other.output[d];
        all.sum = a * all.sum + b * other.sum;
        all.largest = largest;
      }
      const C lse = all.largest + std::log(all.sum);
      out.lse.view().head(head)(i, 0) = static_cast<double>(lse);
      double* o = out.output.view().head(head).row(i);
      for (std::size_t d = 0; d < all.output.size(); ++d)
        o[d] = rounded_to(storage_, static_cast<double>(all.output[d] / all.sum));
      if (!p_.has_gradient()) continue;
      const double* o_gradient = p_.output_gradient.view().head(head).row(i);
      const C lse_gradient = p_.has_lse_gradient() ? static_cast<C>(p_.lse_gradient.view().head(head)(i, 0)) : C{0};
      const C constant = lse_gradient - dot(o_gradient, o, value_dim);
      std::vector<C> q_gradient(static_cast<std::size_t>(dim), C{0});
      for (std::size_t j = 0; j < keys.size(); ++j) {
        const C probability = std::exp(scores[j] - lse);
        const C score_gradient =
            static_cast<C>(kept(probability * (dot(o_gradient, row(value_, head, keys[j]), value_dim) + constant))) *
            static_cast<C>(o_.scale);
        const double* k = row(key_, head, keys[j]);
        C* dk = key_gradient[static_cast<std::size_t>(keys[j].level)].data() + keys[j].token * dim;
        C* dv = value_gradient[static_cast<std::size_t>(keys[j].level)].data() + keys[j].token * value_dim;
        for (std::int64_t d = 0; d < dim; ++d) {
          q_gradient[static_cast<std::size_t>(d)] += score_gradient * static_cast<C>(k[d]);
          dk[d] += score_gradient * static_cast<C>(q[d]);
        }
        for (std::int64_t d = 0; d < value_dim; ++d)
          dv[d] += static_cast<C>(kept(probability)) * static_cast<C>(o_gradient[d]);
      }
      for (std::int64_t d = 0; d < dim; ++d)
        out.query_gradient.view().head(head)(i, d) = static_cast<double>(q_gradient[static_cast<std::size_t>(d)]);
    }
    unpool(key_gradient, out.key_gradient, head);
    unpool(value_gradient, out.value_gradient, head);
  }

  void unpool(const std::vector<std::vector<C>>& levels, Tensor<double>& to, std::int64_t head) const {
    const auto rows = to.view().head(head);
    for (std::int64_t j = 0; j < rows.tokens; ++j)
      for (std::int64_t d = 0; d < rows.dim; ++d) {
        C sum = 0;
        for (int l = 0; l <= o_.levels; ++l) {
          const std::int64_t t = o_.key.ancestor(l, j);
          sum += levels[static_cast<std::size_t>(l)][static_cast<std::size_t>(t * rows.dim + d)] /
                 static_cast<C>(o_.key.count(l, t));
        }
        rows(j, d) = static_cast<double>(sum);
      }
  }

  const Problem<double>& p_;
  ResolvedOptions o_;
  const Selection& lists_;
  DType storage_;
  Order order_;
  std::vector<Tensor<double>> key_, value_;  ///< `[l]`
};

}  // namespace

std::string_view name_of(Order order) {
  switch (order) {
    case Order::reversed:
      return "keys and queries from last to first";
    case Order::halves:
      return "two halves merged";
    case Order::rounded_probability:
      return "P and dS rounded to the type";
    case Order::rounded_means:
      return "coarse keys and values rounded to the type";
  }
  return "?";
}

Outcome<double> compute_in_order(const Problem<double>& problem, const Selection& lists, DType storage, Order order) {
  if (storage == DType::f64) return Ordered<double>(problem, lists, storage, order).run();
  return Ordered<float>(problem, lists, storage, order).run();
}

}  // namespace llsa::compare::check
