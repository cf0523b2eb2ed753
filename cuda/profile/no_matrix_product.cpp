// Stands in for matrix_product.cpp on the executor, and where the toolkit has no cublasLt.h.
#include "cuda/profile/matrix_product.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

struct MatrixProduct::Plan {};
MatrixProduct::MatrixProduct(const ProductShape&) { throw Error("this build has no cuBLASLt"); }
MatrixProduct::~MatrixProduct() = default;
void MatrixProduct::run(const void*, const void*, void*, Stream) const {}

}  // namespace llsa::cuda::inline LLSA_WORLD
