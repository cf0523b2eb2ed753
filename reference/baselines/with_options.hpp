#pragma once

#include <memory>
#include <string>

#include "llsa/attention.hpp"
#include "llsa/method.hpp"

namespace llsa::reference {

/// An implementation of LLSA made to compute one of the baselines that are LLSA with certain options (spec section 8:
/// "full", "topk", ...): `method_options` is applied to the options of every call.
template <class T>
class WithMethodOptions final : public Attention<T> {
 public:
  /// Throws `Error` that lists `method_names()` for an unknown method.
  WithMethodOptions(std::string method, std::unique_ptr<Attention<T>> inner)
      : method_(std::move(method)), inner_(std::move(inner)) {
    check_method(method_);
  }
  std::string name() const override { return inner_->name(); }

 protected:
  Options own_options(const Options& options) const override { return method_options(method_, options); }
  bool made(const AttentionState& state) const override { return Attention<T>::made_by(*inner_, state); }
  std::unique_ptr<AttentionState> do_forward(const AttentionInputs<T>& inputs, const ResolvedOptions& options,
                                             const AttentionOutputs<T>& outputs, const Selection* given) override {
    return Attention<T>::forward_by(*inner_, inputs, options, outputs, given);
  }
  void do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                   const AttentionOutputGradients<T>& output_gradients,
                   const AttentionGradients<T>& gradients) override {
    Attention<T>::backward_by(*inner_, inputs, outputs, state, output_gradients, gradients);
  }

 private:
  std::string method_;
  std::unique_ptr<Attention<T>> inner_;
};

}  // namespace llsa::reference
