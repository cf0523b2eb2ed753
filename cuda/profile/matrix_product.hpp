#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cuda/stream.hpp"
#include "llsa/dtype.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// C [batch, m, n] = A [batch, m, k] B, row-major, contiguous, stored in one type, summed in fp32 (not TF32).
struct ProductShape {
  DType dtype = DType::bf16;
  std::int64_t batch = 1, m = 0, n = 0, k = 0;
  bool transposed = false;  ///< B is [batch, n, k]; else [batch, k, n]
};

/// NVIDIA's own matrix product, as a ceiling for ours. cuBLASLt is looked for when it is first asked for (dlopen), so
/// that nothing needs it to start.
class MatrixProduct {
 public:
  /// Takes the algorithm that cuBLASLt's heuristic puts first. Throws `Error` in one line when there is no cuBLASLt
  /// here, or none of its algorithms takes the shape.
  explicit MatrixProduct(const ProductShape& shape);
  ~MatrixProduct();
  MatrixProduct(const MatrixProduct&) = delete;
  MatrixProduct& operator=(const MatrixProduct&) = delete;

  /// Queued on `stream`. Device memory, 256-byte aligned.
  void run(const void* d_a, const void* d_b, void* d_c, Stream stream) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace llsa::cuda::inline LLSA_WORLD
