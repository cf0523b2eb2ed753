#pragma once

#include <functional>
#include <vector>

#include "compare/verify/definition.hpp"
#include "compare/verify/theirs.hpp"

namespace llsa::compare::verify {

/// One tensor of theirs beside the size of error that it may have.
struct GivenRows {
  const TheirTensor* got = nullptr;  ///< null: not given
  double allowed = 0;                ///< rms error of right rows, relative to `unit` or to the rows' own size
  double unit = 1;                   ///< rms of the whole tensor
  bool absolute = false;             ///< `allowed` is absolute
};

/// How near the rows of theirs come to what a selection would give: by this an unknown selection is inferred.
class Evidence {
 public:
  Evidence(DefinitionEvaluator& evaluator, const Definition& definition, GivenRows output, GivenRows lse,
           GivenRows query_gradient)
      : evaluator_(evaluator), definition_(definition), output_(output), lse_(lse), query_gradient_(query_gradient) {}

  bool any() const { return output_.got != nullptr || lse_.got != nullptr || query_gradient_.got != nullptr; }

  /// The worst error over what was given of the rows of a head on these lists, in units of what is allowed: about 1 or
  /// less when they fit, infinite where only one side is finite.
  double error(std::int64_t head, TokenRange rows, const Selection& lists) const;

 private:
  struct Sums {
    double difference = 0, want = 0, elements = 0;
    void add(const GivenRows& given, std::int64_t head, std::int64_t i, const std::vector<double>& want);
    double error(const GivenRows& given) const;
  };
  std::vector<double> query_gradient(std::int64_t head, std::int64_t i, const DefinedRow& row) const;

  DefinitionEvaluator& evaluator_;
  const Definition& definition_;
  GivenRows output_, lse_, query_gradient_;
};

}  // namespace llsa::compare::verify
