// Compiled with OpenMP's flags and therefore without Eigen, whose products would start threads of their own then.
#include "diffusion/layers/onednn.hpp"

#include <dnnl.h>
#include <omp.h>

#include <string>

#include "llsa/error.hpp"

namespace llsa::diffusion {

void onednn_transposed_product(std::int64_t rows, std::int64_t m, std::int64_t n, const float* a, const float* b,
                               float* c) {
  thread_local const bool alone = (omp_set_num_threads(1), true);
  static_cast<void>(alone);
  const dnnl_status_t status = dnnl_sgemm('T', 'N', m, n, rows, 1, a, m, b, n, 0, c, n);
  if (status != dnnl_success) throw Error("oneDNN's product failed with status " + std::to_string(status));
}

}  // namespace llsa::diffusion
