#pragma once

#include <memory>
#include <string>
#include <vector>

#include "llsa/options.hpp"
#include "llsa/selection.hpp"
#include "llsa/tensor.hpp"

namespace llsa {

/// Q `[batch, heads, Nq, D]`, K `[batch, heads, Nk, D]`, V `[batch, heads, Nk, Dv]`. The views must outlive the call, and
/// for `backward` must show the same values as in `forward`. Any strides.
template <class T>
struct AttentionInputs {
  TensorView<const T> query, key, value;
  /// Further inputs of a method, by position (see `Attention::extra_shapes`). Empty: all are left out; a single one is
  /// left out by `data == nullptr`.
  std::vector<TensorView<const T>> extras = {};
};

/// Overwritten completely; may not alias an input or each other.
template <class T>
struct AttentionOutputs {
  TensorView<T> output;            ///< O `[batch, heads, Nq, Dv]`
  TensorView<Accumulate<T>> lse;   ///< natural logarithm, `[batch, heads, Nq, 1]`
};

/// The gradient of a loss with respect to the outputs. `lse` may be left out (`data == nullptr`), which means zero.
template <class T>
struct AttentionOutputGradients {
  TensorView<const T> output;                 ///< dO `[batch, heads, Nq, Dv]`
  TensorView<const Accumulate<T>> lse;        ///< dLSE `[batch, heads, Nq, 1]`
};

/// The gradient with respect to the inputs, shaped like them. Overwritten completely, never accumulated into.
template <class T>
struct AttentionGradients {
  TensorView<T> query, key, value;
  /// In the order of `AttentionInputs::extras`. Empty: none is wanted; a single one is not wanted when `data == nullptr`.
  /// The gradient with respect to an input that was left out is that at the value it counted as.
  std::vector<TensorView<T>> extras = {};
};

/// What `forward` leaves for `backward` besides its outputs: the selection, and what an implementation adds by deriving.
class AttentionState {
 public:
  virtual ~AttentionState() = default;
  const ResolvedOptions& options() const { return options_; }
  /// On the host, whatever the implementation. `indices` are the same for every implementation up to score ties.
  virtual const Selection& selection() const = 0;

 protected:
  explicit AttentionState(ResolvedOptions options) : options_(std::move(options)) {}

 private:
  ResolvedOptions options_;
};

/// Log-linear Sparse Attention, forward and backward: what every implementation provides (spec sections 2 to 6).
/// Views are of host memory. Results are bitwise reproducible from run to run, for any thread count and any position in
/// the batch. Storage type T is float, double, half or bfloat16; sums are taken in `Accumulate<T>` or better.
template <class T>
class Attention {
 public:
  virtual ~Attention() = default;
  /// The implementation's name as programs take it, for example "reference".
  virtual std::string name() const = 0;
  /// The shapes of the further inputs for Q of shape `query` and V of shape `value`: none for LLSA itself; `method.hpp`
  /// says which methods have some, what they are called and what they count as when left out.
  virtual std::vector<Shape> extra_shapes(const Shape& query, const Shape& value) const {
    static_cast<void>(query), static_cast<void>(value);
    return {};
  }

  /// Computes outputs from inputs. When `given` is not null its lists are used instead of selecting (they are validated
  /// first), so that two implementations can be compared on the same selection.
  /// Throws `Error` when an option is out of range or shapes do not belong together; nothing is written then.
  virtual std::unique_ptr<AttentionState> forward(const AttentionInputs<T>& inputs, const Options& options,
                                                  const AttentionOutputs<T>& outputs,
                                                  const Selection* given = nullptr) = 0;

  /// The exact gradient with the selection held constant and pooling differentiated (spec section 5). `outputs` and
  /// `state` are those that `forward` left for the same inputs. Throws `Error` when shapes do not belong together.
  virtual void backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                        const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                        const AttentionGradients<T>& gradients) = 0;
};

/// Throws `Error` unless the outputs (or gradients) have the shapes that belong to the inputs; `lse` of
/// `output_gradients` may be absent. `extras` are the implementation's `extra_shapes`: as many further inputs (or
/// gradients) may be given, each of its shape or left out, and none where it has none. For implementations.
template <class T>
void check_output_shapes(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                         const std::vector<Shape>& extras = {});
template <class T>
void check_gradient_shapes(const AttentionInputs<T>& inputs, const AttentionOutputGradients<T>& output_gradients,
                           const AttentionGradients<T>& gradients, const std::vector<Shape>& extras = {});

}  // namespace llsa
