#pragma once

#include <map>
#include <string>
#include <vector>

#include "compare/profile/profile.hpp"
#include "llsa/attention.hpp"
#include "llsa/method.hpp"

namespace llsa::compare::profile {

/// A seeded problem of one size, with room for every result. All memory is touched, so that timing meets no page
/// faults.
template <class T>
class ProfileProblem {
 public:
  ProfileProblem(const ProfileRequest& request, std::int64_t tokens)
      : shape_{1, request.heads, tokens, request.head_dim},
        query_(random(1)),
        key_(random(2)),
        value_(random(3)),
        output_gradient_(random(4)),
        output_(shape_, T(1)),
        query_gradient_(shape_, T(1)),
        key_gradient_(shape_, T(1)),
        value_gradient_(shape_, T(1)),
        lse_({1, request.heads, tokens, 1}, Accumulate<T>(1)) {}

  /// With random further inputs of a method, so that its whole work is done.
  AttentionInputs<T> inputs(const std::string& method = "llsa") {
    AttentionInputs<T> all{query_.view(), key_.view(), value_.view()};
    for (Extra& extra : extras(method)) all.extras.push_back({extra.name, extra.value.view()});
    return all;
  }
  AttentionOutputs<T> outputs() { return {output_.view(), lse_.view()}; }
  AttentionOutputGradients<T> output_gradients() const { return {output_gradient_.view(), {}}; }
  AttentionGradients<T> gradients(const std::string& method = "llsa") {
    AttentionGradients<T> all{query_gradient_.view(), key_gradient_.view(), value_gradient_.view()};
    for (Extra& extra : extras(method)) all.extras.push_back({extra.name, extra.gradient.view()});
    return all;
  }
  std::int64_t input_bytes() const { return 3 * shape_.size() * static_cast<std::int64_t>(sizeof(T)); }

 private:
  /// Uniform with variance 1, from a counter (splitmix64).
  Tensor<T> random(std::uint64_t seed) const { return random(seed, shape_); }
  static Tensor<T> random(std::uint64_t seed, const Shape& shape) {
    Tensor<T> result(shape);
    std::uint64_t state = seed << 48;
    for (T& value : result.flat()) {
      std::uint64_t z = state += 0x9e3779b97f4a7c15u;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      value = static_cast<T>((static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53 - 0.5) * 3.4641016151377544);
    }
    return result;
  }

  struct Extra {
    std::string name;
    Tensor<T> value, gradient;
  };
  std::vector<Extra>& extras(const std::string& method) {
    const auto [at, fresh] = extras_.try_emplace(method);
    if (!fresh) return at->second;
    for (const ExtraInput& extra : method_extras(method, shape_, shape_))
      at->second.push_back(
          {std::string(extra.name), random(5 + at->second.size(), extra.shape), Tensor<T>(extra.shape, T(1))});
    return at->second;
  }

  Shape shape_;
  Tensor<T> query_, key_, value_, output_gradient_, output_, query_gradient_, key_gradient_, value_gradient_;
  Tensor<Accumulate<T>> lse_;
  std::map<std::string, std::vector<Extra>> extras_;  // by method
};

}  // namespace llsa::compare::profile
