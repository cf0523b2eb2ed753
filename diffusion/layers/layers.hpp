#pragma once

#include <cstdint>
#include <vector>

#include "llsa/token_order.hpp"

namespace llsa::diffusion {

/// `y[rows, out] = x[rows, in] * weight[out, in]^T + bias[out]`.
struct LinearShape {
  std::int64_t rows = 0, in = 0, out = 0;
};

/// A residual stream `[batch, tokens, dim]`.
struct TokenShape {
  std::int64_t batch = 0, tokens = 0, dim = 0;
  std::int64_t rows() const { return batch * tokens; }
  std::int64_t size() const { return rows() * dim; }
};

/// Heads side by side in a row: element `d` of head `h` of row `r` is at `r * stride + h * dim + d`, stride >= heads *
/// dim.
struct HeadShape {
  std::int64_t rows = 0, heads = 0, dim = 0;
};

/// One vector of `dim` numbers per image: image `b`'s is at `data + b * stride`. A null `data` is not allowed.
template <class T>
struct PerImage {
  T* data = nullptr;
  std::int64_t stride = 0;
  T* of(std::int64_t b) const { return data + b * stride; }
};

/// Cosines and sines of the rotary embedding, one row of `dim / 2` angles per token: the first `dim / 4` turn with the
/// token's row, the others with its column. Where there are frames the last f = max(1, dim / 16) of either half, those
/// that turn slowest, turn with the frame instead: of a head of 32, 12 numbers each for row and column and 8 for the
/// frame. The others stay as they are in pictures, so that what a model learned from pictures holds in every frame.
template <class T>
struct RotaryTable {
  std::int64_t tokens = 0, dim = 0;
  std::vector<T> cosine, sine;  ///< `[tokens, dim / 2]`
};

/// The table for a grid of tokens in the given order. Angle j of row or column is `position * base^(-j / (dim / 4))`,
/// angle j of the 2 f of the frame `frame * base^(-j / (2 f))`. Throws `Error` unless dim is a positive multiple of 4,
/// and at least 8 where there are frames.
template <class T>
RotaryTable<T> rotary_table(Grid grid, const TokenOrder& order, std::int64_t dim, double base);

/// Every operation of the transformer except attention, forward and backward apart: what an implementation provides.
/// All arrays are row-major and contiguous unless a stride is given; no output may alias an input unless it says so.
/// Parameter gradients (`dweight`, `dbias`, `dtable`) are accumulated into; every other output is overwritten unless it
/// says otherwise. Results are bitwise the same for any number of threads. Zero rows are allowed and do nothing.
template <class T>
class Layers {
 public:
  virtual ~Layers() = default;

  /// `bias` may be null.
  virtual void linear_forward(LinearShape shape, const T* x, const T* weight, const T* bias, T* y) = 0;
  /// `dx` and `dbias` may be null (not computed).
  virtual void linear_backward(LinearShape shape, const T* x, const T* weight, const T* dy, T* dx, T* dweight,
                               T* dbias) = 0;

  /// Layer norm without affine parameters, then adaLN modulation: `y = (x - mean) * rstd * (1 + scale_b) + shift_b`,
  /// variance with 1/dim and epsilon 1e-6. `mean` and `rstd` are `[batch, tokens]`, for backward.
  virtual void modulated_norm_forward(TokenShape shape, const T* x, PerImage<const T> shift, PerImage<const T> scale,
                                      T* y, T* mean, T* rstd) = 0;
  /// `dx` is accumulated into (it is the gradient of the residual stream); `dshift` and `dscale` are overwritten.
  virtual void modulated_norm_backward(TokenShape shape, const T* x, const T* mean, const T* rstd,
                                       PerImage<const T> scale, const T* dy, T* dx, PerImage<T> dshift,
                                       PerImage<T> dscale) = 0;

  /// `y = x + gate_b * h`, y may be x.
  virtual void gated_residual_forward(TokenShape shape, const T* x, PerImage<const T> gate, const T* h, T* y) = 0;
  /// `dh = gate_b * dy`, `dgate_b = sum over tokens of dy * h`; the gradient of x is dy itself.
  virtual void gated_residual_backward(TokenShape shape, PerImage<const T> gate, const T* h, const T* dy, T* dh,
                                       PerImage<T> dgate) = 0;

  /// RMS norm of every head with a weight per element: `y = x * rstd * weight`, `rstd = 1 / sqrt(mean(x^2) + 1e-6)`.
  /// `rstd` is `[rows, heads]`, `weight` `[dim]`.
  virtual void rms_norm_forward(HeadShape shape, const T* x, std::int64_t x_stride, const T* weight, T* y,
                                std::int64_t y_stride, T* rstd) = 0;
  virtual void rms_norm_backward(HeadShape shape, const T* x, std::int64_t x_stride, const T* weight, const T* rstd,
                                 const T* dy, std::int64_t dy_stride, T* dx, std::int64_t dx_stride, T* dweight) = 0;

  /// Rotates in place the pairs `(j, j + dim/4)` of each half of every head by the angles of row `r % table.tokens`;
  /// backward rotates the other way.
  virtual void rotary_forward(HeadShape shape, const RotaryTable<T>& table, T* x, std::int64_t stride) = 0;
  virtual void rotary_backward(HeadShape shape, const RotaryTable<T>& table, T* dx, std::int64_t stride) = 0;

  /// `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`; dx may be dy.
  virtual void gelu_forward(std::int64_t size, const T* x, T* y) = 0;
  virtual void gelu_backward(std::int64_t size, const T* x, const T* dy, T* dx) = 0;

  /// `x / (1 + exp(-x))`; dx may be dy.
  virtual void silu_forward(std::int64_t size, const T* x, T* y) = 0;
  virtual void silu_backward(std::int64_t size, const T* x, const T* dy, T* dx) = 0;

  /// Sinusoidal features `[batch, dim]` of `1000 * time`: cosines, then sines, of `exp(-ln(10000) i / (dim/2 - 1))`.
  /// dim is even and at least 4. No gradient: time is not learned.
  virtual void timestep_features(std::int64_t batch, std::int64_t dim, const T* time, T* y) = 0;

  /// `y[b] += table[labels[b]]`, rows of `dim`; backward adds `dy[b]` to `dtable[labels[b]]` in ascending b.
  virtual void label_embedding_forward(std::int64_t batch, std::int64_t dim, const std::int32_t* labels, const T* table,
                                       T* y) = 0;
  virtual void label_embedding_backward(std::int64_t batch, std::int64_t dim, const std::int32_t* labels, const T* dy,
                                        T* dtable) = 0;

  /// `y += x`.
  virtual void add(std::int64_t size, const T* x, T* y) = 0;
  /// `to[i] = from[index[i]]` for every image: from `[batch, size]`, to `[batch, size]`; `index` is a permutation.
  virtual void permute(std::int64_t batch, const std::vector<std::int32_t>& index, const T* from, T* to) = 0;
};

}  // namespace llsa::diffusion
