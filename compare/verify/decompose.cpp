#include "compare/verify/decompose.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

namespace llsa::compare::verify {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Directions in which unit-length parts differ by less than this (squared) cannot be told apart.
constexpr double indistinct = 1e-10;

}  // namespace

Decomposition decompose(std::span<const Part> parts, std::span<const double> target) {
  const auto columns = static_cast<Eigen::Index>(parts.size());
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(columns, columns);
  Eigen::VectorXd projection = Eigen::VectorXd::Zero(columns);  // of the difference to the sum of all parts
  double whole_square = 0, target_square = 0, difference_square = 0;
  std::int64_t used = 0;
  for (std::size_t n = 0; n < target.size(); ++n) {
    if (!std::isfinite(target[n])) continue;
    double whole = 0;
    for (const Part& part : parts) whole += part.values[n];
    if (!std::isfinite(whole)) continue;
    ++used;
    const double difference = target[n] - whole;
    whole_square += whole * whole;
    target_square += target[n] * target[n];
    difference_square += difference * difference;
    for (Eigen::Index a = 0; a < columns; ++a) {
      const double x = parts[static_cast<std::size_t>(a)].values[n];
      if (x == 0) continue;
      projection[a] += x * difference;
      for (Eigen::Index b = 0; b <= a; ++b) gram(a, b) += x * parts[static_cast<std::size_t>(b)].values[n];
    }
  }
  gram.triangularView<Eigen::StrictlyUpper>() = gram.transpose();

  // Unit columns; a part that is nothing beside the rest says nothing.
  const Eigen::VectorXd norm = gram.diagonal().cwiseSqrt();
  const double largest = norm.size() > 0 ? norm.maxCoeff() : 0;
  Eigen::VectorXd inverse(columns);
  for (Eigen::Index a = 0; a < columns; ++a) inverse[a] = norm[a] > 1e-9 * largest ? 1 / norm[a] : 0;
  const Eigen::MatrixXd unit = inverse.asDiagonal() * gram * inverse.asDiagonal();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(unit);
  const Eigen::VectorXd scaled = inverse.cwiseProduct(projection);

  // Minimum norm around 1: directions that the parts do not span leave the coefficients alone.
  Eigen::VectorXd change = Eigen::VectorXd::Zero(columns), variance = Eigen::VectorXd::Zero(columns);
  for (Eigen::Index j = 0; j < columns; ++j) {
    const Eigen::VectorXd direction = solver.eigenvectors().col(j);
    const double value = solver.eigenvalues()[j];
    if (value > indistinct) {
      change += direction * (direction.dot(scaled) / value);
      variance += direction.cwiseAbs2() / value;
    } else {
      for (Eigen::Index a = 0; a < columns; ++a)
        if (std::abs(direction[a]) > 0.01) variance[a] = infinity;
    }
  }
  const double left_square = std::max(0.0, difference_square - 2 * change.dot(scaled) + change.dot(unit * change));
  const double noise = used > columns ? left_square / static_cast<double>(used - columns) : 0;

  Decomposition result;
  result.residual = left_square == 0 ? 0 : std::sqrt(left_square / std::max(whole_square, target_square));
  for (Eigen::Index a = 0; a < columns; ++a) {
    const Part& part = parts[static_cast<std::size_t>(a)];
    Coefficient c{.part = {part.level, part.tail, part.count, part.term, {}}};
    if (inverse[a] == 0 || std::isinf(variance[a])) {
      c.value = 1 + change[a] * inverse[a];
      c.error = infinity;
    } else {
      c.value = 1 + change[a] * inverse[a];
      c.error = std::sqrt(noise * variance[a]) * inverse[a];
    }
    result.coefficients.push_back(c);
  }
  return result;
}

}  // namespace llsa::compare::verify
