#include "compare/verify/leaning.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace llsa::compare::verify {
namespace {

struct Sums {
  double error = 0, want_square = 0, product = 0, elements = 0;
  void operator+=(const Sums& x) {
    error += x.error;
    want_square += x.want_square;
    product += x.product;
    elements += x.elements;
  }
  double rms() const { return elements > 0 ? std::sqrt(want_square / elements) : 0; }
};

/// Rows of one group: which, and how many errors they hold that owe nothing to each other.
struct Group {
  std::string name;
  Sums sums;
  double independent = 0;
};

class Leanings {
 public:
  Leanings(const LeaningOptions& options, double rms, std::int64_t dim) : options_(options), rms_(rms), dim_(dim) {}

  void add(const Group& group) {
    if (group.sums.elements == 0) return;
    const double spread = 4 / std::sqrt(std::max(1.0, group.independent)) + 1.0 / 16;
    const double noise = options_.tolerance.relative_l2 * spread;
    const double size = options_.absolute ? 1 : std::max({group.sums.rms(), rms_, options_.floor});
    note({group.name, false, group.sums.error / group.sums.elements, noise * size});
    if (!options_.absolute && group.sums.rms() > options_.floor)
      note({group.name, true, group.sums.product / group.sums.want_square, noise * size / group.sums.rms()});
  }
  const Leaning* worst() const { return excess_ > 1 ? &worst_ : nullptr; }
  /// A head, or the rows of several, can hold no more independent errors than this: keys are shared.
  double independent(std::int64_t blocks, std::int64_t heads) const {
    return static_cast<double>(std::min(blocks, heads * std::max<std::int64_t>(dim_, 16)));
  }

 private:
  void note(const Leaning& leaning) {
    const double excess = std::abs(leaning.value) / leaning.allowed;
    if (!(excess > excess_)) return;
    excess_ = excess;
    worst_ = leaning;
  }
  const LeaningOptions& options_;
  double rms_;
  std::int64_t dim_;
  double excess_ = 0;
  Leaning worst_;
};

}  // namespace

std::string Leaning::text() const {
  return gain ? fmt::format("errors lean one way: {} is {:.3g} of the right size, rounding explains a share of {:.1e}",
                            group, 1 + value, allowed)
              : fmt::format("errors lean one way: their mean over {} is {:+.3g}, rounding explains {:.1e}", group,
                            value, allowed);
}

std::vector<Leaning> find_leanings(TensorView<const double> got, TensorView<const double> want,
                                   const LeaningOptions& options) {
  const Shape& s = want.shape;
  const std::int64_t heads = s.batch * s.heads, b = options.block_size, last = (s.tokens - 1) / b;
  std::vector<Group> by_head(static_cast<std::size_t>(heads)),
      by_place(static_cast<std::size_t>(std::min(b, s.tokens)));
  Group tail{"the last block", {}, 0}, rest{"the blocks before the last", {}, 0},
      attending{"the rows that attend to the ragged last block of keys", {}, 0};
  Sums all;
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t t = 0; t < s.tokens; ++t) {
      if (!options.rows.empty() && !options.rows[static_cast<std::size_t>(head * s.tokens + t)]) continue;
      Sums row;
      for (std::int64_t d = 0; d < s.dim; ++d) {
        const double g = got.head(head)(t, d), w = rounded_to(options.storage, want.head(head)(t, d));
        if (!std::isfinite(g) || !std::isfinite(w)) continue;
        const double e = std::abs(g - w) <= options.tolerance.resolution ? 0 : g - w;
        row += {e, w * w, e * w, 1};
      }
      all += row;
      by_head[static_cast<std::size_t>(head)].sums += row;
      by_place[static_cast<std::size_t>(t % b)].sums += row;
      (t / b == last ? tail : rest).sums += row;
      if (options.tail.empty() || !options.tail[static_cast<std::size_t>(head * s.tokens + t)]) continue;
      attending.sums += row;
      attending.independent += 1.0 / static_cast<double>(b);
    }
  const double rms = all.rms();
  std::vector<Leaning> found;
  const auto worst_of = [&](const std::vector<Group>& groups) {
    Leanings leanings(options, rms, s.dim);
    for (const Group& group : groups) leanings.add(group);
    if (leanings.worst() != nullptr) found.push_back(*leanings.worst());
  };
  const Leanings count(options, rms, s.dim);
  for (std::size_t head = 0; head < by_head.size(); ++head) {
    by_head[head].name = fmt::format("head {}", head);
    by_head[head].independent = count.independent(last + 1, 1);
  }
  for (std::size_t place = 0; place < by_place.size(); ++place) {
    by_place[place].name = fmt::format("place {} of every block", place);
    by_place[place].independent = count.independent((last + 1) * heads, heads);
  }
  tail.independent = static_cast<double>(heads);
  rest.independent = count.independent(last * heads, heads);
  worst_of(by_head);
  worst_of(by_place);
  worst_of({tail, rest});
  worst_of({attending});
  return found;
}

}  // namespace llsa::compare::verify
