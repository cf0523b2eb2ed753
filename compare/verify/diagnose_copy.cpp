// Mistakes that leave the right numbers, scaled, or in the wrong place.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "compare/verify/diagnose.hpp"
#include "llsa/token_order.hpp"

namespace llsa::compare::verify {
namespace {

/// `source(b, h, t, d)` gives the element that stands at this place by mistake.
using Source = std::function<double(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>;

Tensor<double> filled(const Shape& s, const Source& source) {
  Tensor<double> result(s);
  double* out = result.data();
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t)
        for (std::int64_t d = 0; d < s.dim; ++d) *out++ = source(b, h, t, d);
  return result;
}

class Copies {
 public:
  explicit Copies(const Suspect& suspect) : suspect_(suspect), explanations_(suspect.tolerance) {}

  void try_source(const std::string& name, const Source& source) {
    if (explanations_.explained()) return;
    explanations_.add(name, compare(suspect_.got->view(), filled(suspect_.want->shape(), source).view(), suspect_.how));
  }
  std::string text() const { return explanations_.explained() ? explanations_.text(1) : std::string(); }

 private:
  const Suspect& suspect_;
  Explanations explanations_;
};

/// The first tokens of a head: enough to tell heads apart.
Tensor<double> beginning(const Tensor<double>& tensor, std::int64_t head) {
  const Tensor<double> whole = one_head(tensor, head);
  Tensor<double> result({1, 1, std::min<std::int64_t>(whole.shape().tokens, 32), whole.shape().dim});
  std::copy_n(whole.data(), result.flat().size(), result.data());
  return result;
}

/// For each head of theirs the right head that it equals, or empty when one equals none.
std::string permuted_heads(const Suspect& s) {
  const Shape& shape = s.want->shape();
  const std::int64_t heads = shape.batch * shape.heads;
  if (heads < 2 || heads > 64) return {};
  CompareOptions how = s.how;
  how.rows.clear();
  std::vector<Tensor<double>> beginnings;
  for (std::int64_t h = 0; h < heads; ++h) beginnings.push_back(beginning(*s.want, h));
  std::vector<std::int64_t> from;
  for (std::int64_t h = 0; h < heads; ++h) {
    const Tensor<double> got = beginning(*s.got, h);
    const auto found = std::find_if(beginnings.begin(), beginnings.end(), [&](const Tensor<double>& want) {
      return within(compare(got.view(), want.view(), how), s.tolerance);
    });
    if (found == beginnings.end()) return {};
    from.push_back(found - beginnings.begin());
    const Tensor<double> whole = one_head(*s.got, h);
    if (!within(compare(whole.view(), one_head(*s.want, from.back()).view(), how), s.tolerance)) return {};
  }
  return fmt::format("looks like: heads are mixed up: in order (batch * heads) they hold those of {}",
                     fmt::join(from, ", "));
}

void try_orders(Copies& copies, const Tensor<double>& want) {
  const Shape& s = want.shape();
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(s.tokens))));
  const auto n = s.tokens;
  copies.try_source("tokens are in reverse order",
                    [&](auto b, auto h, auto t, auto d) { return want(b, h, n - 1 - t, d); });
  copies.try_source("tokens are one place too late",
                    [&](auto b, auto h, auto t, auto d) { return want(b, h, std::max<std::int64_t>(t - 1, 0), d); });
  copies.try_source("tokens are one place too early",
                    [&](auto b, auto h, auto t, auto d) { return want(b, h, std::min(t + 1, n - 1), d); });
  if (side < 2 || side * side != n) return;
  copies.try_source("tokens are transposed as a square grid",
                    [&](auto b, auto h, auto t, auto d) { return want(b, h, t % side * side + t / side, d); });
  for (const char* name : {"morton", "hilbert"}) {
    const TokenOrder order = token_order(name, {1, side, side});
    copies.try_source(
        fmt::format("tokens are in {} order, the right result is in raster order", name),
        [&](auto b, auto h, auto t, auto d) { return want(b, h, order.to_raster()[static_cast<std::size_t>(t)], d); });
    copies.try_source(fmt::format("tokens are in raster order, the right result is in {} order", name),
                      [&](auto b, auto h, auto t, auto d) {
                        return want(b, h, order.from_raster()[static_cast<std::size_t>(t)], d);
                      });
  }
}

}  // namespace

std::string diagnose_copy(const Suspect& s, const Tensor<double>& value) {
  const Tensor<double>&got = *s.got, &want = *s.want;
  const Shape& shape = want.shape();
  Copies copies(s);
  if (std::all_of(got.flat().begin(), got.flat().end(), [](double x) { return x == 0; }))
    return s.name + " is zero everywhere";
  if (std::all_of(got.flat().begin(), got.flat().end(), [](double x) { return std::isnan(x); }))
    return s.name + " is not a number everywhere";

  double product = 0, square = 0, offset = 0;
  for (std::size_t n = 0; n < got.flat().size(); ++n) {
    product += got.flat()[n] * want.flat()[n];
    square += want.flat()[n] * want.flat()[n];
    offset += (got.flat()[n] - want.flat()[n]) / static_cast<double>(got.flat().size());
  }
  const double factor = product / square;
  if (s.name == "lse" && std::abs(factor * std::log(2.0) - 1) < 1e-2)
    copies.try_source("lse is in base 2 (log2), not natural",
                      [&](auto b, auto h, auto t, auto d) { return want(b, h, t, d) / std::log(2.0); });
  if (s.name == "lse")  // before the factor: LSEs that are much alike take either
    copies.try_source(fmt::format("lse is off by the constant {:.4g}", offset),
                      [&](auto b, auto h, auto t, auto d) { return want(b, h, t, d) + offset; });
  if (std::isfinite(factor) && square > 0)
    copies.try_source(fmt::format("{} is {:.4g} times the right {}", s.name, factor, s.name),
                      [&](auto b, auto h, auto t, auto d) { return factor * want(b, h, t, d); });
  const std::int64_t shared = std::max<std::int64_t>(1, shape.heads / value.shape().heads);  // query heads of a V head
  if (s.name == "o")
    copies.try_source("o is the mean of v",
                      [&, means = std::vector<double>(), at = std::int64_t{-1}](auto b, auto h, auto, auto d) mutable {
                        if (at != b * shape.heads + h) {
                          at = b * shape.heads + h;
                          means.assign(static_cast<std::size_t>(shape.dim), 0.0);
                          for (std::int64_t j = 0; j < value.shape().tokens; ++j)
                            for (std::int64_t e = 0; e < shape.dim; ++e)
                              means[static_cast<std::size_t>(e)] +=
                                  value(b, h / shared, j, e) / static_cast<double>(value.shape().tokens);
                        }
                        return means[static_cast<std::size_t>(d)];
                      });
  if (const std::string heads = permuted_heads(s); !heads.empty()) return heads;
  // The same memory read as another layout: element number n of theirs is element number n of the permuted tensor.
  const auto reread = [&](const std::string& name, const Shape& stored, auto at) {
    copies.try_source(name, [&, at](auto b, auto h, auto t, auto d) {
      std::int64_t n = ((b * shape.heads + h) * shape.tokens + t) * shape.dim + d;
      const std::int64_t w = n % stored.dim, z = n / stored.dim % stored.tokens,
                         y = n / stored.dim / stored.tokens % stored.heads;
      return at(n / stored.dim / stored.tokens / stored.heads, y, z, w);
    });
  };
  if (shape.heads > 1)
    reread("memory is [batch, tokens, heads, dim], not [batch, heads, tokens, dim]",
           {shape.batch, shape.tokens, shape.heads, shape.dim},
           [&](auto b, auto t, auto h, auto d) { return want(b, h, t, d); });
  if (shape.dim > 1)
    reread("memory is [batch, heads, dim, tokens], not [batch, heads, tokens, dim]",
           {shape.batch, shape.heads, shape.dim, shape.tokens},
           [&](auto b, auto h, auto d, auto t) { return want(b, h, t, d); });
  try_orders(copies, want);
  return copies.text();
}

}  // namespace llsa::compare::verify
