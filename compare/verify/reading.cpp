// What the coefficients of a decomposition mean: which factor was forgotten, and where.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "compare/verify/decompose.hpp"

namespace llsa::compare::verify {
namespace {

bool is(double value, double error, double wanted) {
  return std::abs(value - wanted) <= 0.02 * std::max(std::abs(wanted), 0.02) + 4 * error;
}
bool is(const Coefficient& c, double wanted) { return is(c.value, c.error, wanted); }

std::string number(double x) {
  if (std::abs(x) < 5e-4) x = 0;  // no "-0.00"
  return std::abs(x) >= 0.095 || x == 0 ? fmt::format("{:.2f}", x) : fmt::format("{:.3g}", x);
}

std::string level_name(int level) { return level == 0 ? "fine" : fmt::format("level {}", level); }
std::string keys_of(int level) { return level == 0 ? "the fine keys" : fmt::format("level {}", level); }

/// c[level, tail][term] = common * of_keys * of_term, if it is such a product; that is what one forgotten factor makes.
struct Factors {
  double common = 1;
  struct Keys {
    Coefficient c;
    double factor;
  };
  struct Terms {
    Term term;
    double factor, error;
  };
  std::vector<Keys> keys;
  std::vector<Terms> terms;
  bool consistent = true;
};

bool is_leading(const Coefficient& c) { return c.part.term == Term::whole || c.part.term == Term::product; }

const Coefficient* find(const Decomposition& d, const Part& keys, Term term) {
  for (const Coefficient& c : d.coefficients)
    if (c.part.level == keys.level && c.part.tail == keys.tail && c.part.term == term) return &c;
  return nullptr;
}

/// The factor that all parts share: 1 if any part has it, else what the first part that is there has.
double common_factor(const std::vector<Coefficient>& leading) {
  for (const Coefficient& c : leading)
    if (c.known() && is(c, 1)) return 1;
  for (const Coefficient& c : leading)
    if (c.known() && !is(c, 0)) return c.value;
  return 1;
}

Factors factorise(const Decomposition& d) {
  Factors f;
  std::vector<Coefficient> leading;
  for (const Coefficient& c : d.coefficients)
    if (is_leading(c)) leading.push_back(c);
  f.common = common_factor(leading);
  const Coefficient* reference = nullptr;
  for (const Coefficient& c : leading) {
    f.keys.push_back({c, c.value / f.common});
    f.keys.back().c.error /= std::abs(f.common);
    if (c.known() && !is(c, 0) && reference == nullptr)
      reference = &*std::find_if(d.coefficients.begin(), d.coefficients.end(), [&](const Coefficient& x) {
        return x.part.level == c.part.level && x.part.tail == c.part.tail && x.part.term == c.part.term;
      });
  }
  for (const Term term : {Term::delta, Term::lse}) {
    // The level whose coefficient is surest says what happened to the term.
    double factor = 1, error = -1;
    for (const Coefficient& lead : leading) {
      const Coefficient* c = find(d, lead.part, term);
      if (c == nullptr || !c->known() || !lead.known() || is(lead, 0)) continue;
      const double e = (c->error + lead.error) / std::abs(lead.value);
      if (error < 0 || e < error) {
        factor = c->value / lead.value;
        error = e;
      }
    }
    if (error >= 0) f.terms.push_back({term, factor, error});
    for (const Coefficient& lead : leading)
      if (const Coefficient* c = find(d, lead.part, term); c != nullptr && c->known() && lead.known())
        f.consistent &= is(c->value, c->error + std::abs(factor) * lead.error, factor * lead.value);
  }
  return f;
}

std::string common_error(double g, const std::string& name, const ResolvedOptions& o) {
  if (is(g, 0, 1)) return {};
  const bool scaled = name != "dV";
  if (scaled && is(g, 0, 1 / o.scale)) return fmt::format("the scale is missing from {}", name);
  if (scaled && is(g, 0, o.scale)) return fmt::format("the scale is applied twice in {}", name);
  if (is(g, 0, 1 / std::log(2.0)))
    return fmt::format("{} is multiplied by log2(e): the factor of a base-2 softmax is left in", name);
  if (is(g, 0, std::log(2.0)))
    return fmt::format("{} is multiplied by ln 2: the factor of a base-2 softmax is left in", name);
  if (is(g, 0, -1)) return fmt::format("{} has the wrong sign", name);
  return fmt::format("{} is {} times the right gradient", name, number(g));
}

/// What the factor of one level's keys says; `where` names them.
std::string keys_error(const Factors::Keys& keys, const std::string& where, const std::string& name,
                       const ResolvedOptions& o) {
  const Part& part = keys.c.part;
  const double a = keys.factor, e = keys.c.error;
  if (!keys.c.known() || is(a, e, 1)) return {};
  if (is(a, e, 0)) return fmt::format("the part of {} through {} is missing", name, where);
  if (part.level > 0) {
    const double span = std::pow(static_cast<double>(o.block_size), part.level);
    const bool pooled = name != "dQ";  // only keys and values are pooled and unpooled
    if (o.reweight && is(a, e, 1 / part.count))
      return fmt::format("the weight of {} is missing from its gradient{}", where,
                         pooled ? " (or it is divided by the count twice)" : "");
    if (is(a, e, part.count))
      return pooled ? fmt::format("{} is not divided by its tokens' count when it is unpooled{}", where,
                                  o.reweight ? " (or is weighted twice)" : "")
                    : fmt::format("the weight of {} is applied twice", where);
    if (pooled && part.tail && is(a, e, part.count / span))
      return fmt::format("wrong count at {}: divided by the full block of {} tokens instead of {}", where, span,
                         part.count);
    if (part.tail && is(a, e, span / part.count))
      return fmt::format("wrong count at {}: weighs a full block of {} tokens instead of {}", where, span, part.count);
    if (pooled && is(a, e, span / static_cast<double>(o.block_size)))
      return fmt::format("{} is divided by B instead of B^{} when it is unpooled", where, part.level);
  }
  if (is(a, e, 2)) return fmt::format("the part of {} through {} is counted twice", name, where);
  if (is(a, e, -1)) return fmt::format("the part of {} through {} has the wrong sign", name, where);
  return fmt::format("the part of {} through {} has the factor {}", name, where, number(a));
}

std::string term_error(const Factors::Terms& t, const std::string& name) {
  if (is(t.factor, t.error, 1)) return {};
  const std::string term = t.term == Term::delta ? "the term -<dO, O> (delta)" : "the gradient of LSE (dLSE)";
  if (is(t.factor, t.error, 0)) return fmt::format("{} is left out of {}", term, name);
  if (is(t.factor, t.error, -1)) return fmt::format("{} has the wrong sign in {}", term, name);
  return fmt::format("{} has the factor {} in {}", term, number(t.factor), name);
}

std::string term_name(Term term) {
  return term == Term::product ? " <dO, V>" : term == Term::delta ? " delta" : term == Term::lse ? " dLSE" : "";
}

/// Writes the full tokens and the ragged tail of a level as one entry when they agree.
std::string equation_of(const Decomposition& d, const Factors& f, const std::string& name) {
  std::string text = name + " =";
  bool first = true;
  const auto add = [&](const Coefficient& c, bool with_term) {
    const double value = c.value;
    const bool minus = !first && value <= -5e-4;  // as number() rounds
    text += first ? " " : minus ? " - " : " + ";
    first = false;
    text += (c.known() ? number(minus ? -value : value) : std::string("?")) + " " + level_name(c.part.level) +
            (c.part.tail ? " tail" : "") + (with_term ? term_name(c.part.term) : "");
  };
  for (const Coefficient& c : d.coefficients) {
    if (f.consistent && !is_leading(c)) continue;
    if (c.part.tail) {  // follows its level's other tokens
      const Coefficient* full = find(d, {.level = c.part.level, .tail = false}, c.part.term);
      if (full != nullptr && (!c.known() || is(c.value, c.error + full->error, full->value))) continue;
    }
    add(c, !f.consistent);
  }
  if (f.consistent)
    for (const Factors::Terms& t : f.terms)
      if (!is(t.factor, t.error, 1)) text += fmt::format(", its{} term times {}", term_name(t.term), number(t.factor));
  return text + fmt::format(", residual {:.2g}", d.residual);
}

}  // namespace

Reading read(const Decomposition& d, const std::string& name, const ResolvedOptions& options) {
  const Factors f = factorise(d);
  Reading reading{.equation = equation_of(d, f, name), .errors = {}};
  const auto add = [&reading](std::string error) {
    if (!error.empty()) reading.errors.push_back(std::move(error));
  };
  const bool nothing = std::all_of(d.coefficients.begin(), d.coefficients.end(),
                                   [](const Coefficient& c) { return !c.known() || is(c, 0); });
  if (nothing && d.residual < 0.1) {
    add(name + " is zero");
    return reading;
  }
  add(common_error(f.common, name, options));
  std::string last;
  for (const Factors::Keys& keys : f.keys) {
    const std::string level = keys_of(keys.c.part.level);
    const std::string error = keys_error(keys, level, name, options);
    // A tail that shares its level's mistake is not a second one.
    if (keys.c.part.tail && error != last) add(keys_error(keys, level + "'s ragged tail", name, options));
    if (!keys.c.part.tail) add(last = error);
  }
  for (const Factors::Terms& t : f.terms) add(term_error(t, name));
  return reading;
}

}  // namespace llsa::compare::verify
