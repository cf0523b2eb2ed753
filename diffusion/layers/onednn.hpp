#pragma once

#include <cstdint>

namespace llsa::diffusion {

/// `transposed_product` by oneDNN. Throws `Error` when the library refuses.
void onednn_transposed_product(std::int64_t rows, std::int64_t m, std::int64_t n, const float* a, const float* b,
                               float* c);

}  // namespace llsa::diffusion
