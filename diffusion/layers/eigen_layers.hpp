#pragma once

#include <functional>
#include <vector>

#include "diffusion/aligned.hpp"
#include "diffusion/layers/layers.hpp"
#include "diffusion/profile.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::diffusion {

/// The layers with Eigen on the CPU; T is float or double. `threads` must outlive it. Work is cut into pieces whose
/// borders depend on the shape alone, and partial sums are added in ascending order, so the number of threads never
/// changes a bit of the result.
template <class T>
class EigenLayers final : public Layers<T> {
 public:
  explicit EigenLayers(ThreadPool& threads, Profile* profile = nullptr) : threads_(&threads), profile_(profile) {}

  void linear_forward(LinearShape shape, const T* x, const T* weight, const T* bias, T* y) override;
  void linear_backward(LinearShape shape, const T* x, const T* weight, const T* dy, T* dx, T* dweight,
                       T* dbias) override;
  void modulated_norm_forward(TokenShape shape, const T* x, PerImage<const T> shift, PerImage<const T> scale, T* y,
                              T* mean, T* rstd) override;
  void modulated_norm_backward(TokenShape shape, const T* x, const T* mean, const T* rstd, PerImage<const T> scale,
                               const T* dy, T* dx, PerImage<T> dshift, PerImage<T> dscale) override;
  void gated_residual_forward(TokenShape shape, const T* x, PerImage<const T> gate, const T* h, T* y) override;
  void gated_residual_backward(TokenShape shape, PerImage<const T> gate, const T* h, const T* dy, T* dh,
                               PerImage<T> dgate) override;
  void rms_norm_forward(HeadShape shape, const T* x, std::int64_t x_stride, const T* weight, T* y,
                        std::int64_t y_stride, T* rstd) override;
  void rms_norm_backward(HeadShape shape, const T* x, std::int64_t x_stride, const T* weight, const T* rstd,
                         const T* dy, std::int64_t dy_stride, T* dx, std::int64_t dx_stride, T* dweight) override;
  void rotary_forward(HeadShape shape, const RotaryTable<T>& table, T* x, std::int64_t stride) override;
  void rotary_backward(HeadShape shape, const RotaryTable<T>& table, T* dx, std::int64_t stride) override;
  void gelu_forward(std::int64_t size, const T* x, T* y) override;
  void gelu_backward(std::int64_t size, const T* x, const T* dy, T* dx) override;
  void silu_forward(std::int64_t size, const T* x, T* y) override;
  void silu_backward(std::int64_t size, const T* x, const T* dy, T* dx) override;
  void timestep_features(std::int64_t batch, std::int64_t dim, const T* time, T* y) override;
  void label_embedding_forward(std::int64_t batch, std::int64_t dim, const std::int32_t* labels, const T* table,
                               T* y) override;
  void label_embedding_backward(std::int64_t batch, std::int64_t dim, const std::int32_t* labels, const T* dy,
                                T* dtable) override;
  void add(std::int64_t size, const T* x, T* y) override;
  void permute(std::int64_t batch, const std::vector<std::int32_t>& index, const T* from, T* to) override;

 private:
  /// Calls `work(begin, end)` for consecutive ranges of `piece` items covering `[0, items)`.
  void for_ranges(std::int64_t items, std::int64_t piece,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& work);
  /// The same within every image: `work(image, piece number, begin, end)` with tokens counted from the image's first.
  void for_image_ranges(const TokenShape& shape,
                        const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& work);
  /// At least `size` numbers, contents undefined; grows and never shrinks, valid until the next call.
  T* scratch(std::int64_t size);

  ThreadPool* threads_;
  Profile* profile_;
  AlignedVector<T> scratch_;
};

}  // namespace llsa::diffusion
