#include "support/strided_tensor.hpp"

namespace llsa::testing {

const char* name_of(Layout layout) {
  switch (layout) {
    case Layout::contiguous:
      return "contiguous";
    case Layout::padded:
      return "padded";
    case Layout::heads_inside:
      return "heads_inside";
    case Layout::dim_major:
      return "dim_major";
    case Layout::spread:
      return "spread";
    case Layout::reversed:
      return "reversed";
    case Layout::broadcast_heads:
      return "broadcast_heads";
    case Layout::broadcast_batch:
      return "broadcast_batch";
  }
  return "?";
}

Strides strides_of(const Shape& s, Layout layout) {
  Strides strides = contiguous_strides(s);
  switch (layout) {
    case Layout::contiguous:
      return strides;
    case Layout::padded: {
      const std::int64_t row = s.dim + 3, head = s.tokens * row + 5;
      return {s.heads * head + 7, head, row, 1};
    }
    case Layout::heads_inside:
      return {s.heads * s.tokens * s.dim, s.dim, s.heads * s.dim, 1};
    case Layout::dim_major:
      return {strides.batch, strides.heads, 1, s.tokens};
    case Layout::spread:
      return {2 * strides.batch, 2 * strides.heads, 2 * strides.tokens, 2};
    case Layout::reversed:
      return {strides.batch, -strides.heads, -strides.tokens, 1};
    case Layout::broadcast_heads:
      strides.heads = 0;
      return strides;
    case Layout::broadcast_batch:
      strides.batch = 0;
      return strides;
  }
  return strides;
}

}  // namespace llsa::testing
