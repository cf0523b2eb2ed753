#pragma once

#include <memory>
#include <string>
#include <vector>

#include "llsa/extra_input.hpp"
#include "llsa/options.hpp"
#include "llsa/selection.hpp"
#include "llsa/tensor.hpp"

namespace llsa {

/// The shapes that a problem consists of.
struct AttentionShapes {
  Shape query, key, value;
  friend bool operator==(const AttentionShapes&, const AttentionShapes&) = default;
};

/// Q `[batch, H, Nq, D]`, K `[batch, Hk, Nk, D]`, V `[batch, Hk, Nk, Dv]`. Hk divides H: query head h reads key head
/// floor(h / (H / Hk)) (spec section 9). The views must outlive the call, and for `backward` must show the same values
/// as in `forward`. Any strides.
template <class T>
struct AttentionInputs {
  TensorView<const T> query, key, value;
  /// Further inputs of a method, by the names of `Attention::extra_inputs`; those not given are left out.
  NamedViews<const T> extras = {};

  AttentionShapes shapes() const { return {query.shape, key.shape, value.shape}; }
};

/// Overwritten completely; may not alias an input or each other.
template <class T>
struct AttentionOutputs {
  TensorView<T> output;           ///< O `[batch, H, Nq, Dv]`
  TensorView<Accumulate<T>> lse;  ///< natural logarithm, `[batch, H, Nq, 1]`
};

/// The gradient of a loss with respect to the outputs. `lse` may be left out (`data == nullptr`), which means zero.
template <class T>
struct AttentionOutputGradients {
  TensorView<const T> output;           ///< dO `[batch, H, Nq, Dv]`
  TensorView<const Accumulate<T>> lse;  ///< dLSE `[batch, H, Nq, 1]`
};

/// The gradient with respect to the inputs, shaped like them: dK and dV of a key head are sums over the query heads
/// that read it. Overwritten completely, never accumulated into.
template <class T>
struct AttentionGradients {
  TensorView<T> query, key, value;
  /// By the same names as `AttentionInputs::extras`; those not given are not wanted. The gradient with respect to an
  /// input that was left out is that at the value it counted as.
  NamedViews<T> extras = {};
};

/// What `forward` leaves for `backward` besides its outputs: the selection, and what an implementation adds by
/// deriving.
class AttentionState {
 public:
  AttentionState(ResolvedOptions options, const AttentionShapes& shapes)
      : options_(std::move(options)), shapes_(shapes) {}
  virtual ~AttentionState() = default;
  const ResolvedOptions& options() const { return options_; }
  /// Of the inputs that `forward` was given.
  const AttentionShapes& shapes() const { return shapes_; }
  /// On the host, whatever the implementation. `indices` are the same for every implementation up to score ties.
  virtual const Selection& selection() const = 0;

 private:
  ResolvedOptions options_;
  AttentionShapes shapes_;
};

/// Log-linear Sparse Attention, forward and backward: what every implementation provides (spec sections 2 to 6 and 9).
/// Views are of host memory. Results are bitwise reproducible from run to run, for any thread count and any position in
/// the batch. Storage type T is float, double, half or bfloat16; sums are taken in `Accumulate<T>` or better.
/// `forward` and `backward` check their arguments here, once for all implementations, which override `do_forward` and
/// `do_backward`.
template <class T>
class Attention {
 public:
  virtual ~Attention() = default;
  /// The implementation's name as programs take it, for example "reference".
  virtual std::string name() const = 0;
  /// The further inputs for Q of shape `query` and V of shape `value`: none for LLSA itself; `method.hpp` says which
  /// methods have some.
  virtual std::vector<ExtraInput> extra_inputs(const Shape& query, const Shape& value) const {
    static_cast<void>(query), static_cast<void>(value);
    return {};
  }

  /// Computes outputs from inputs. When `given` is not null its lists are used instead of selecting (they are validated
  /// first), so that two implementations can be compared on the same selection.
  /// Throws `Error` when an option is out of range, a tensor is missing or shapes do not belong together; nothing is
  /// written then.
  std::unique_ptr<AttentionState> forward(const AttentionInputs<T>& inputs, const Options& options,
                                          const AttentionOutputs<T>& outputs, const Selection* given = nullptr);

  /// The exact gradient with the selection held constant and pooling differentiated (spec section 5). `outputs` and
  /// `state` are those that `forward` left for the same inputs. Throws `Error` when the state is of another
  /// implementation or of inputs of other shapes, a tensor is missing or shapes do not belong together; nothing is
  /// written then.
  void backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                const AttentionOutputGradients<T>& output_gradients, const AttentionGradients<T>& gradients);

 protected:
  /// What the implementation's method makes of a user's options (`method_options`).
  virtual Options own_options(const Options& options) const { return options; }
  /// Whether `state` is of the class that `do_forward` returns.
  virtual bool made(const AttentionState& state) const = 0;
  /// The work. All arguments are checked and belong together.
  virtual std::unique_ptr<AttentionState> do_forward(const AttentionInputs<T>& inputs, const ResolvedOptions& options,
                                                     const AttentionOutputs<T>& outputs, const Selection* given) = 0;
  virtual void do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                           const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                           const AttentionGradients<T>& gradients) = 0;

  // For implementations that stand on another one: its steps, on arguments that were checked already.
  static bool made_by(const Attention& inner, const AttentionState& state) { return inner.made(state); }
  static std::unique_ptr<AttentionState> forward_by(Attention& inner, const AttentionInputs<T>& inputs,
                                                    const ResolvedOptions& options, const AttentionOutputs<T>& outputs,
                                                    const Selection* given) {
    return inner.do_forward(inputs, options, outputs, given);
  }
  static void backward_by(Attention& inner, const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                          const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                          const AttentionGradients<T>& gradients) {
    inner.do_backward(inputs, outputs, state, output_gradients, gradients);
  }
};

/// Throws `Error` unless the outputs are there and have the shapes that belong to the inputs. For what computes
/// attention without being an `Attention`.
template <class T>
void check_outputs(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs);

}  // namespace llsa
