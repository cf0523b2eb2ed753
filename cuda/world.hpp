#pragma once

/// Every stage of cuda/ is compiled twice from the same source: by the CUDA compiler for the device, and by the C++
/// compiler (with LLSA_SIMT defined) for the executor of cuda/simt, which runs kernels on the CPU. Both may be linked
/// into one program, so each lives in its own inline namespace. Stage code says
///
///     namespace llsa::cuda::inline LLSA_WORLD { ... }
///
/// and uses everything of llsa::cuda unqualified. A translation unit sees one world only.
#if defined(LLSA_SIMT)
#define LLSA_WORLD on_cpu
#else
#define LLSA_WORLD on_gpu
#endif
