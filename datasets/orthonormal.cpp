#include "datasets/orthonormal.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>

namespace llsa::datasets {
namespace {

/// splitmix64: the standard library's distributions differ between platforms.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  double uniform() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
  std::uint64_t state_;
};

}  // namespace

std::vector<double> orthonormal_columns(int rows, int columns, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> matrix(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
  const auto at = [&](int row, int column) -> double& {
    return matrix[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column)];
  };
  for (double& value : matrix) value = random.normal();
  for (int column = 0; column < columns; ++column) {  // modified Gram-Schmidt
    for (int before = 0; before < column; ++before) {
      double dot = 0;
      for (int row = 0; row < rows; ++row) dot += at(row, column) * at(row, before);
      for (int row = 0; row < rows; ++row) at(row, column) -= dot * at(row, before);
    }
    double norm = 0;
    for (int row = 0; row < rows; ++row) norm += at(row, column) * at(row, column);
    for (int row = 0; row < rows; ++row) at(row, column) /= std::sqrt(norm);
  }
  return matrix;
}

}  // namespace llsa::datasets
