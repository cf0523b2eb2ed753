#include "cuda/profile/matrix_product.hpp"

#include <cublasLt.h>
#include <dlfcn.h>

#include <cstddef>

#include "cuda/buffer.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw Error(std::string(call) + " failed with status " + std::to_string(static_cast<int>(status)));
}
#define LLSA_CUBLAS_CHECK(name, ...) check(library.name(__VA_ARGS__), #name)

/// The functions that are used, found in the library of the CUDA release that this was compiled with.
struct Library {
  void* handle = nullptr;
#define LLSA_CUBLAS_FUNCTIONS(use)                                                                         \
  use(cublasLtCreate) use(cublasLtDestroy) use(cublasLtMatmulDescCreate) use(cublasLtMatmulDescDestroy)    \
      use(cublasLtMatmulDescSetAttribute) use(cublasLtMatrixLayoutCreate) use(cublasLtMatrixLayoutDestroy) \
          use(cublasLtMatrixLayoutSetAttribute) use(cublasLtMatmulPreferenceCreate)                        \
              use(cublasLtMatmulPreferenceDestroy) use(cublasLtMatmulPreferenceSetAttribute)               \
                  use(cublasLtMatmulAlgoGetHeuristic) use(cublasLtMatmul)
#define LLSA_DECLARE(name) decltype(&::name) name = nullptr;
  LLSA_CUBLAS_FUNCTIONS(LLSA_DECLARE)
#undef LLSA_DECLARE

  Library() {
    const std::string file = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
    handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) throw Error(file + " was not found");
#define LLSA_FIND(name)                                          \
  name = reinterpret_cast<decltype(name)>(dlsym(handle, #name)); \
  if (!name) throw Error(file + " has no " #name);
    LLSA_CUBLAS_FUNCTIONS(LLSA_FIND)
#undef LLSA_FIND
  }
};

const Library& the_library() {
  static const Library library;  // never unloaded: other users of it may come
  return library;
}

cudaDataType_t type_of(DType type) {
  return type == DType::f16 ? CUDA_R_16F : type == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

}  // namespace

/// cuBLASLt counts columns first: a row-major matrix is its transpose there, so C^T = B^T A^T is what it is asked for.
struct MatrixProduct::Plan {
  const Library& library = the_library();
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t found{};
  Buffer<std::byte> workspace{workspace_bytes};

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    if (preference) library.cublasLtMatmulPreferenceDestroy(preference);
    for (const cublasLtMatrixLayout_t layout : {a, b, c})
      if (layout) library.cublasLtMatrixLayoutDestroy(layout);
    if (product) library.cublasLtMatmulDescDestroy(product);
    if (handle) library.cublasLtDestroy(handle);
  }

  /// A batch of row-major `rows` x `columns` matrices.
  void make_layout(cublasLtMatrixLayout_t& layout, const ProductShape& shape, std::int64_t rows, std::int64_t columns) {
    LLSA_CUBLAS_CHECK(cublasLtMatrixLayoutCreate, &layout, type_of(shape.dtype), static_cast<std::uint64_t>(columns),
                      static_cast<std::uint64_t>(rows), columns);
    const auto batch = static_cast<std::int32_t>(shape.batch);
    const std::int64_t stride = rows * columns;
    LLSA_CUBLAS_CHECK(cublasLtMatrixLayoutSetAttribute, layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch,
                      sizeof batch);
    LLSA_CUBLAS_CHECK(cublasLtMatrixLayoutSetAttribute, layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
                      sizeof stride);
  }
};

MatrixProduct::MatrixProduct(const ProductShape& shape) : plan_(std::make_unique<Plan>()) {
  Plan& p = *plan_;
  const Library& library = the_library();
  LLSA_CUBLAS_CHECK(cublasLtCreate, &p.handle);
  LLSA_CUBLAS_CHECK(cublasLtMatmulDescCreate, &p.product, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  const cublasOperation_t operation = shape.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  LLSA_CUBLAS_CHECK(cublasLtMatmulDescSetAttribute, p.product, CUBLASLT_MATMUL_DESC_TRANSA, &operation,
                    sizeof operation);
  p.make_layout(p.a, shape, shape.m, shape.k);
  p.make_layout(p.b, shape, shape.transposed ? shape.n : shape.k, shape.transposed ? shape.k : shape.n);
  p.make_layout(p.c, shape, shape.m, shape.n);
  LLSA_CUBLAS_CHECK(cublasLtMatmulPreferenceCreate, &p.preference);
  LLSA_CUBLAS_CHECK(cublasLtMatmulPreferenceSetAttribute, p.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                    &workspace_bytes, sizeof workspace_bytes);
  int count = 0;
  LLSA_CUBLAS_CHECK(cublasLtMatmulAlgoGetHeuristic, p.handle, p.product, p.b, p.a, p.c, p.c, p.preference, 1, &p.found,
                    &count);
  if (count == 0) throw Error("cuBLASLt has no algorithm for this product");
}

MatrixProduct::~MatrixProduct() = default;

void MatrixProduct::run(const void* d_a, const void* d_b, void* d_c, Stream stream) const {
  const Library& library = the_library();
  const float one = 1, zero = 0;
  LLSA_CUBLAS_CHECK(cublasLtMatmul, plan_->handle, plan_->product, &one, d_b, plan_->b, d_a, plan_->a, &zero, d_c,
                    plan_->c, d_c, plan_->c, &plan_->found.algo, plan_->workspace.data(), workspace_bytes,
                    stream.handle);
}

}  // namespace llsa::cuda::inline LLSA_WORLD
