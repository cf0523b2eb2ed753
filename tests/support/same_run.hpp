#pragma once

#include "support/problem.hpp"

namespace llsa::testing {

/// Bit for bit the same selection, outputs and gradients; the message names the first tensor that differs.
template <class T>
Verdict same_run(const AttentionRun<T>& one, const AttentionRun<T>& other) {
  if (Verdict v = same("selection", one.selection(), other.selection()); !v) return v;
  if (Verdict v = same("lse", one.lse.cview(), other.lse.cview()); !v) return v;
  if (Verdict v = same("output", one.output.cview(), other.output.cview()); !v) return v;
  if (Verdict v = same("dQ", one.query_gradient.cview(), other.query_gradient.cview()); !v) return v;
  if (Verdict v = same("dK", one.key_gradient.cview(), other.key_gradient.cview()); !v) return v;
  return same("dV", one.value_gradient.cview(), other.value_gradient.cview());
}

}  // namespace llsa::testing
