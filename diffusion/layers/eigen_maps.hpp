#pragma once

#include <Eigen/Core>
#include <cstdint>

/// Short names for Eigen's views of raw arrays, for the files of `EigenLayers` only.
namespace llsa::diffusion {

template <class T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using MatrixMap = Eigen::Map<RowMatrix<T>>;
template <class T>
using ConstMatrixMap = Eigen::Map<const RowMatrix<T>>;
template <class T>
using RowArray = Eigen::Array<T, 1, Eigen::Dynamic>;
template <class T>
using ArrayMap = Eigen::Map<RowArray<T>>;
template <class T>
using ConstArrayMap = Eigen::Map<const RowArray<T>>;

/// How many rows of a token array one piece of work holds.
inline constexpr std::int64_t row_piece = 256;

}  // namespace llsa::diffusion
