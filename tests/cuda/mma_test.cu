// The tensor-core and copy instructions. Compiled for the executor, where it tests the twins, and with the label gpu
// for the device, where it holds the same expectations against the hardware.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "cuda/buffer.hpp"
#include "cuda/device.hpp"
#include "cuda/launch.cuh"
#include "cuda/mma/cp_async.cuh"
#include "cuda/mma/ldmatrix.cuh"

namespace llsa::cuda {
namespace {

class MmaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_unavailable()) GTEST_SKIP() << *why;
  }
};

/// Runs one warp; `in` are 16 rows of 32 elements, `out` what the kernel leaves of `words` words for each lane.
template <class T>
struct WarpParams {
  const T* d_in;
  std::uint32_t* d_out;
};
template <class Kernel, class T>
std::vector<std::uint32_t> run_warp(const std::vector<T>& in, int words) {
  const Buffer<T> from = upload(std::span<const T>(in), Stream{});
  const Buffer<std::uint32_t> to(static_cast<std::size_t>(32 * words));
  launch<Kernel>("warp", {.blocks = {1}, .threads = {32}, .shared_bytes = 16 * 32 * sizeof(T)}, Stream{},
                 WarpParams<T>{from.data(), to.data()});
  return download(to, Stream{});
}

template <class T>
__device__ T* to_shared(const T* d_in) {
  const Shared<T> tile(0, 16 * 32);
  for (int i = 8 * static_cast<int>(lane_id()); i < 16 * 32; i += 8 * 32)
    store_for_ldmatrix(tile.data() + i, *reinterpret_cast<const Eight<T>*>(d_in + i));
  __syncwarp();
  return tile.data();
}

/// What each of the loads leaves in a lane's registers: A, transposed B, B of the left 16 columns.
template <class T>
struct LoadKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<T>& p) const {
    const T* tile = to_shared(p.d_in);
    const int lane = static_cast<int>(lane_id());
    std::uint32_t* d_out = p.d_out + 12 * lane;
    const FragmentA a = load_a(tile, 32, lane);
    FragmentB transposed[2], plain[2];
    load_b_transposed(transposed, tile, 32, lane);
    load_b(plain, tile, 32, lane);
    for (int i = 0; i < 4; ++i) {
      d_out[i] = a.word[i];
      d_out[4 + i] = transposed[i / 2].word[i % 2];
      d_out[8 + i] = plain[i / 2].word[i % 2];
    }
  }
};

TEST_F(MmaTest, loads_put_every_element_where_the_instruction_set_says) {
  std::vector<half> in(16 * 32);
  for (std::size_t i = 0; i < in.size(); ++i) in[i].bits = static_cast<std::uint16_t>(i);  // row * 32 + column
  const auto out = run_warp<LoadKernel<half>>(in, 12);
  const auto pair = [](int row0, int column0, int row1, int column1) {
    return static_cast<std::uint32_t>(row0 * 32 + column0) | static_cast<std::uint32_t>(row1 * 32 + column1) << 16;
  };
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = 2 * (lane % 4);
    const std::uint32_t* words = out.data() + 12 * lane;
    for (int i = 0; i < 4; ++i) {
      const int row = g + 8 * (i % 2), column = t + 8 * (i / 2);
      EXPECT_EQ(words[i], pair(row, column, row, column + 1)) << "A, lane " << lane << ", word " << i;
      // B holds (k, n): of the transposed rows k is the column, n the row; otherwise k is the row.
      const int n = g + 8 * (i / 2), k = t + 8 * (i % 2);
      EXPECT_EQ(words[4 + i], pair(n, k, n, k + 1)) << "transposed B, lane " << lane << ", word " << i;
      EXPECT_EQ(words[8 + i], pair(k, n, k + 1, n)) << "B, lane " << lane << ", word " << i;
    }
  }
}

/// X X^T + Y, and its product with X, for the left 16 columns of X; Y are the constants 0, 1, 2, ... by row and column.
template <class T>
struct ProductKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<T>& p) const {
    const T* tile = to_shared(p.d_in);
    const int lane = static_cast<int>(lane_id());
    FragmentC first[2], second[2] = {};
    for (int n = 0; n < 2; ++n)
      for (int i = 0; i < 4; ++i)
        first[n].value[i] = static_cast<float>(lane / 4 + 8 * (i / 2) + 8 * n + 2 * (lane % 4) + i % 2);
    const FragmentA a = load_a(tile, 32, lane);
    FragmentB b[2];
    load_b_transposed(b, tile, 32, lane);
    mma<T>(first[0], a, b[0]);
    mma<T>(first[1], a, b[1]);
    load_b(b, tile, 32, lane);
    mma<T>(second[0], as_a<T>(first[0], first[1]), b[0]);
    mma<T>(second[1], as_a<T>(first[0], first[1]), b[1]);
    for (int n = 0; n < 2; ++n)
      for (int i = 0; i < 4; ++i) {
        p.d_out[16 * lane + 4 * n + i] = __float_as_uint(first[n].value[i]);
        p.d_out[16 * lane + 8 + 4 * n + i] = __float_as_uint(second[n].value[i]);
      }
  }
};

template <class T>
void expect_products() {
  std::mt19937 random(1);
  std::vector<T> in(16 * 32);
  std::array<std::array<float, 16>, 16> x{}, first{}, second{};
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 32; ++column) {
      const auto value = static_cast<float>(static_cast<int>(random() % 5) - 2);  // every sum is exact in T
      in[static_cast<std::size_t>(row * 32 + column)] = T(value);
      if (column < 16) x[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = value;
    }
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t column = 0; column < 16; ++column) {
      first[row][column] = static_cast<float>(row + column);
      for (std::size_t k = 0; k < 16; ++k) first[row][column] += x[row][k] * x[column][k];
    }
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t column = 0; column < 16; ++column)
      for (std::size_t k = 0; k < 16; ++k) second[row][column] += first[row][k] * x[k][column];

  const auto out = run_warp<ProductKernel<T>>(in, 16);
  for (std::size_t lane = 0; lane < 32; ++lane)
    for (std::size_t i = 0; i < 8; ++i) {
      const std::size_t row = lane / 4 + 8 * (i / 2 % 2), column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
      EXPECT_EQ(std::bit_cast<float>(out[16 * lane + i]), first[row][column]) << "lane " << lane << ", value " << i;
      EXPECT_EQ(std::bit_cast<float>(out[16 * lane + 8 + i]), second[row][column])
          << "lane " << lane << ", value " << i;
    }
}

TEST_F(MmaTest, multiplies_and_adds_matrices_of_half) { expect_products<half>(); }
TEST_F(MmaTest, multiplies_and_adds_matrices_of_bfloat16) { expect_products<bfloat16>(); }

/// Two groups of copies; reports the first after waiting for all but the youngest, then the second.
struct CopyKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<half>& p) const {
    const Shared<half> tile(0, 16 * 32);
    const std::size_t mine = 16 * lane_id();
    AsyncCopies copies;
    copies.copy(tile.data() + mine, p.d_in + mine, true);
    copies.commit();
    copies.copy(tile.data() + mine + 8, p.d_in + mine + 8, lane_id() % 2 == 0);
    copies.commit();
    copies.wait<1>();
    for (std::size_t i = 0; i < 8; ++i) p.d_out[mine + i] = tile[mine + i].bits;
    copies.wait<0>();
    for (std::size_t i = 8; i < 16; ++i) p.d_out[mine + i] = tile[mine + i].bits;
  }
};

TEST_F(MmaTest, copies_arrive_in_the_order_of_their_groups_and_absent_ones_are_zero) {
  std::vector<half> in(16 * 32);
  for (std::size_t i = 0; i < in.size(); ++i) in[i].bits = static_cast<std::uint16_t>(i + 1);
  const auto out = run_warp<CopyKernel>(in, 16);
  for (std::size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], i % 16 >= 8 && i / 16 % 2 == 1 ? 0 : i + 1) << "element " << i;
}

#if defined(LLSA_SIMT)
/// The twins report what the hardware would answer with a fault, and hide what has not arrived.
struct MisalignedKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<half>& p) const {
    FragmentB b[2];
    load_b(b, to_shared(p.d_in) + 4, 32, static_cast<int>(lane_id()));
  }
};
struct MisalignedCopyKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<half>& p) const {
    AsyncCopies copies;
    copies.copy(Shared<half>(0, 16 * 32).data(), p.d_in + 1, true);
  }
};
struct EarlyKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<half>& p) const {
    const half* tile = to_shared(p.d_in);
    AsyncCopies copies;
    copies.copy(const_cast<half*>(tile) + 8 * lane_id(), p.d_in, true);
    copies.commit();
    p.d_out[lane_id()] = tile[8 * lane_id()].bits;
  }
};

TEST_F(MmaTest, misaligned_addresses_are_refused_and_copies_under_way_are_garbage) {
  const std::vector<half> in(16 * 32);
  EXPECT_THROW(run_warp<MisalignedKernel>(in, 1), Error);
  EXPECT_THROW(run_warp<MisalignedCopyKernel>(in, 1), Error);
  for (const std::uint32_t word : run_warp<EarlyKernel>(in, 1)) EXPECT_EQ(word, 0xffffu);
}

/// Copies a tile and multiplies with it as the kernels do, with one step left out.
enum class Without { nothing, wait, sync_before, sync_after, sync_of_stores };
template <Without without>
struct PipelineKernel {
  static constexpr int threads = 32, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<half>& p) const {
    half* const tile = Shared<half>(0, 16 * 32).data();
    const int lane = static_cast<int>(lane_id());
    AsyncCopies copies;
    for (int round = 0; round < 2; ++round) {
      for (int i = 8 * lane; i < 16 * 32; i += 8 * 32) copies.copy(tile + i, p.d_in + i, true);
      copies.commit();
      if (without != Without::wait) copies.wait<0>();
      if (without != Without::sync_before) __syncwarp();
      const FragmentA a = load_a(tile, 32, lane);
      FragmentB b[2];
      load_b(b, tile, 32, lane);
      FragmentC c{};
      mma<half>(c, a, b[0]);
      // Collectives order no memory, however many there are.
      p.d_out[lane] = __shfl_xor_sync(full_warp, __float_as_uint(c.value[0]), 1);
      if (without != Without::sync_after) __syncwarp();
    }
    store_for_ldmatrix(tile + 8 * lane, Eight<half>{});
    if (without != Without::sync_of_stores) __syncwarp();
    load_a(tile, 32, lane);
  }
};

template <Without without>
std::string refusal() {
  for (const simt::Order order : {simt::Order::ascending, simt::Order::descending, simt::Order::shuffled}) {
    const std::vector<half> in(16 * 32);
    const Buffer<half> from = upload(std::span<const half>(in), Stream{});
    const Buffer<std::uint32_t> to(32);
    try {
      launch<PipelineKernel<without>>("pipeline", {1, 32, 16 * 32 * sizeof(half)}, Stream{{1, order, 1}},
                                      WarpParams<half>{from.data(), to.data()});
    } catch (const Error& error) {
      if (order == simt::Order::shuffled) return error.what();
      continue;
    }
    return "accepted";
  }
  return "";
}

TEST_F(MmaTest, a_step_left_out_between_copies_and_collective_reads_is_seen_in_every_order) {
  const auto contains = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  EXPECT_EQ(refusal<Without::nothing>(), "accepted");
  contains(refusal<Without::wait>(), "that is under way");
  contains(refusal<Without::sync_before>(), "ldmatrix reads what thread");
  contains(refusal<Without::sync_after>(), "cp.async overwrites what warp 0 read");
  contains(refusal<Without::sync_of_stores>(), "wrote or copied, with no __syncwarp or barrier since");
}

/// A second warp's reads need a barrier; its own `__syncwarp` is not enough.
template <bool barrier>
struct TwoWarpKernel {
  static constexpr int threads = 64, blocks_per_sm = 0;
  __device__ void operator()(const WarpParams<half>& p) const {
    half* const tile = Shared<half>(0, 16 * 32).data();
    AsyncCopies copies;
    copies.copy(tile + 8 * threadIdx.x, p.d_in + 8 * threadIdx.x, true);
    copies.commit();
    copies.wait<0>();
    if (barrier)
      __syncthreads();
    else
      __syncwarp();
    load_a(tile, 32, static_cast<int>(lane_id()));
  }
};

TEST_F(MmaTest, reading_what_another_warp_copied_needs_a_barrier) {
  const std::vector<half> in(16 * 32);
  const WarpParams<half> params{in.data(), nullptr};
  const LaunchShape shape{1, 64, 16 * 32 * sizeof(half)};
  launch<TwoWarpKernel<true>>("two warps", shape, Stream{}, params);
  EXPECT_THROW(launch<TwoWarpKernel<false>>("two warps", shape, Stream{}, params), Error);
}
#else
TEST_F(MmaTest, launches_are_not_blamed_for_an_error_of_the_host_program) {
  void* address = nullptr;
  ASSERT_EQ(cudaMalloc(&address, std::size_t{1} << 60), cudaErrorMemoryAllocation);
  std::vector<half> in(16 * 32);
  EXPECT_NO_THROW(run_warp<CopyKernel>(in, 16));
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation) << "it is still the host program's to find";
}
#endif

}  // namespace
}  // namespace llsa::cuda
