// The executor itself, on small kernels: what it runs, and what it must refuse.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "cuda/launch.cuh"
#include "llsa/error.hpp"

namespace llsa::cuda {
namespace {

struct Params {
  int* out = nullptr;
  int n = 0;
};

template <class Kernel>
void run(const Params& params, LaunchShape shape, simt::Execution how = {}) {
  launch<Kernel>("test", shape, Stream{how}, params);
}

/// The message of the error that a launch must end with.
template <class Kernel>
std::string refusal(LaunchShape shape) {
  int out = 0;
  try {
    run<Kernel>({&out, 1}, shape);
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "the launch was accepted";
  return "";
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

/// Reverses each block's piece of an array through shared memory: right only with the barrier.
struct ReverseKernel {
  static constexpr int threads = 128;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params& p) const {
    const Shared<int> tile(0, blockDim.x);
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    tile[threadIdx.x] = p.out[i];
    __syncthreads();
    p.out[i] = tile[blockDim.x - 1 - threadIdx.x];
  }
};

TEST(Executor, threads_of_a_block_meet_at_barriers_in_every_order) {
  for (const simt::Order order : {simt::Order::ascending, simt::Order::descending, simt::Order::shuffled})
    for (const int os_threads : {1, 3}) {
      std::vector<int> values(96 * 7);
      std::iota(values.begin(), values.end(), 0);
      run<ReverseKernel>({values.data(), 0}, {7, 96, 96 * sizeof(int)}, {os_threads, order, 5});
      for (int i = 0; i < static_cast<int>(values.size()); ++i)
        ASSERT_EQ(values[static_cast<std::size_t>(i)], i / 96 * 96 + 95 - i % 96);
    }
}

/// One warp; every lane writes what `f` gives.
template <class F>
struct WarpKernel {
  static constexpr int threads = 32;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params& p) const { p.out[threadIdx.x] = F{}(static_cast<int>(threadIdx.x)); }
};

template <class F>
std::vector<int> on_one_warp(F) {
  std::vector<int> out(32, -1);
  run<WarpKernel<F>>({out.data(), 32}, {1, 32}, {1, simt::Order::shuffled, 3});
  return out;
}

std::vector<int> expected(int (*f)(int)) {
  std::vector<int> values(32);
  for (int lane = 0; lane < 32; ++lane) values[static_cast<std::size_t>(lane)] = f(lane);
  return values;
}

TEST(Executor, shuffles_read_the_lanes_that_cuda_says) {
  EXPECT_EQ(on_one_warp([](int lane) { return __shfl_sync(full_warp, lane * 10, 35); }),
            expected([](int) { return 30; }));
  EXPECT_EQ(on_one_warp([](int lane) { return __shfl_sync(full_warp, lane, lane + 1, 8); }),
            expected([](int lane) { return lane / 8 * 8 + (lane + 1) % 8; }));
  EXPECT_EQ(on_one_warp([](int lane) { return __shfl_up_sync(full_warp, lane, 3, 16); }),
            expected([](int lane) { return lane % 16 < 3 ? lane : lane - 3; }));
  EXPECT_EQ(on_one_warp([](int lane) { return __shfl_down_sync(full_warp, lane, 3, 16); }),
            expected([](int lane) { return lane % 16 > 12 ? lane : lane + 3; }));
  EXPECT_EQ(on_one_warp([](int lane) { return __shfl_xor_sync(full_warp, lane, 20); }),
            expected([](int lane) { return lane ^ 20; }));
  EXPECT_EQ(on_one_warp([](int lane) { return __shfl_xor_sync(full_warp, lane, 16, 16); }),
            expected([](int lane) { return lane < 16 ? lane : lane - 16; }));
}

TEST(Executor, half_warps_shuffle_and_vote_apart) {
  EXPECT_EQ(on_one_warp([](int lane) {
              const unsigned mask = lane < 16 ? 0x0000ffffu : 0xffff0000u;
              int sum = lane;
              for (int step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(mask, sum, step);
              return sum + __popc(__ballot_sync(mask, lane % 3 == 0)) * 1000;
            }),
            expected([](int lane) { return lane < 16 ? 120 + 6000 : 376 + 5000; }));
}

TEST(Executor, votes_see_every_lane) {
  EXPECT_EQ(on_one_warp([](int lane) { return static_cast<int>(__ballot_sync(full_warp, lane % 2)); }),
            expected([](int) { return static_cast<int>(0xaaaaaaaau); }));
  EXPECT_EQ(
      on_one_warp([](int lane) { return __any_sync(full_warp, lane == 7) + 2 * __all_sync(full_warp, lane < 31); }),
      expected([](int) { return 1; }));
}

struct VoteKernel {
  static constexpr int threads = 80;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params& p) const {
    const int three = __syncthreads_count(threadIdx.x % 3 == 0);
    const int any = __syncthreads_or(threadIdx.x == 79), all = __syncthreads_and(threadIdx.x < 79);
    p.out[threadIdx.x] = three * 100 + any * 10 + all;
  }
};

TEST(Executor, block_votes_count_every_thread) {
  std::vector<int> out(80);
  run<VoteKernel>({out.data(), 80}, {1, 80}, {1, simt::Order::shuffled, 1});
  EXPECT_EQ(out, std::vector<int>(80, 2710));
}

struct IndexKernel {
  static constexpr int threads = 24;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params& p) const {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    atomicAdd(&p.out[block * 24 + thread], 1);
  }
};

TEST(Executor, every_thread_of_a_three_dimensional_grid_runs_once_in_every_order) {
  for (const simt::Order order : {simt::Order::ascending, simt::Order::descending, simt::Order::shuffled})
    for (const std::uint64_t seed : {0, 17}) {
      std::vector<int> out(2 * 3 * 5 * 24);
      run<IndexKernel>({out.data(), 0}, {{2, 3, 5}, {2, 3, 4}}, {2, order, seed});
      ASSERT_EQ(out, std::vector<int>(out.size(), 1));
    }
}

TEST(Executor, a_grid_without_blocks_runs_nothing) { run<VoteKernel>({nullptr, 0}, {0, 80}); }

struct FreshKernel {
  static constexpr int threads = 1;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params& p) const {
    const Shared<int> cell(0, 1);
    p.out[blockIdx.x] = cell[0];
    cell[0] = 7;
  }
};

TEST(Executor, shared_memory_does_not_survive_from_block_to_block) {
  std::vector<int> out(3);
  run<FreshKernel>({out.data(), 0}, {3, 1, 16});
  EXPECT_EQ(out, std::vector<int>(3, -1));
}

// What must be refused. Each kernel is wrong in one way.
template <int fault>
struct FaultyKernel {
  static constexpr int threads = 64;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params& p) const {
    const unsigned t = threadIdx.x;
    if constexpr (fault == 0) {
      if (t != 5) __syncthreads();
    } else if constexpr (fault == 1) {
      if (t < 32)
        __syncthreads();
      else
        __syncthreads();
    } else if constexpr (fault == 2) {
      if (t != 40) p.out[0] = __shfl_sync(full_warp, 1, 0);
    } else if constexpr (fault == 3) {
      if (t < 16)
        __syncwarp(0xffffu);
      else
        __syncwarp(full_warp);
    } else if constexpr (fault == 4) {
      if (t >= 16) __syncwarp(0xffffu);
    } else if constexpr (fault == 5) {
      p.out[0] = __shfl_sync(t % 32 < 16 ? 0xffffu : 0xffff0000u, 1, 20);
    } else if constexpr (fault == 6) {
      const Shared<int> tile(0, 16);
      tile[t] = 1;
    } else if constexpr (fault == 7) {
      const Shared<int> tile(16, 64);
      tile[0] = 1;
    } else if constexpr (fault == 8) {
      const Shared<double> tile(4, 1);
      tile[0] = 1;
    } else if constexpr (fault == 9) {
      if (t < 32)
        __syncthreads();
      else
        __syncwarp();
      __syncthreads();
    } else if constexpr (fault == 10) {
      if (t == 3) throw Error("from a kernel");
      __syncthreads();
    }
  }
};

TEST(Executor, a_barrier_that_not_all_threads_reach_is_an_error_that_names_both_threads) {
  const std::string text = refusal<FaultyKernel<0>>({1, 64});
  expect_contains(text, "kernel test, block (0, 0, 0): deadlock: thread (0, 0, 0) waits in __syncthreads");
  expect_contains(text, "thread (5, 0, 0) has returned");
}

TEST(Executor, barriers_reached_at_different_places_are_an_error) {
  expect_contains(refusal<FaultyKernel<1>>({1, 64}), "divergent barrier");
  expect_contains(refusal<FaultyKernel<9>>({1, 64}), "divergent barrier");
}

TEST(Executor, warp_operations_that_not_all_lanes_of_the_mask_reach_are_an_error) {
  expect_contains(refusal<FaultyKernel<2>>({1, 64}), "thread (40, 0, 0) has returned");
  expect_contains(refusal<FaultyKernel<3>>({1, 32}), "with mask 0xffffffff");
  expect_contains(refusal<FaultyKernel<4>>({1, 32}), "its mask leaves out");
  expect_contains(refusal<FaultyKernel<5>>({1, 32}), "outside its mask");
  expect_contains(refusal<FaultyKernel<2>>({1, 48}), "which the block does not have");
}

TEST(Executor, shared_memory_out_of_range_is_an_error) {
  expect_contains(refusal<FaultyKernel<6>>({1, 64, 64}), "index into shared memory is out of range");
  expect_contains(refusal<FaultyKernel<7>>({1, 64, 256}), "reaches beyond the shared memory of the launch");
  expect_contains(refusal<FaultyKernel<8>>({1, 64, 256}), "not aligned");
}

struct RawOverrunKernel {
  static constexpr int threads = 1;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params&) const { simt::shared_memory()[simt::shared_bytes() + 3] = std::byte{1}; }
};

TEST(Executor, raw_writes_behind_shared_memory_are_found_when_the_block_ends) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer stops at the write itself";
#endif
  expect_contains(refusal<RawOverrunKernel>({1, 1, 64}), "a write outside the 64 bytes of shared memory");
}

TEST(Executor, an_exception_from_one_thread_ends_the_launch_and_the_next_one_works) {
  EXPECT_EQ(refusal<FaultyKernel<10>>({4, 64}), "from a kernel");
  std::vector<int> out(80);
  run<VoteKernel>({out.data(), 80}, {1, 80});
  EXPECT_EQ(out, std::vector<int>(80, 2710));
}

struct Wide {
  static constexpr int threads = 4096;
  static constexpr int blocks_per_sm = 0;
  __device__ void operator()(const Params&) const {}
};

TEST(Executor, launches_outside_cudas_limits_are_an_error) {
  expect_contains(refusal<Wide>({1, 1025}), "1 to 1024 threads");
  expect_contains(refusal<Wide>({{1, 65536}, 32}), "65535");
  expect_contains(refusal<Wide>({1, 32, 300000}),
                  "needs 300000 bytes of shared memory for a block; this device has 232448");
  expect_contains(refusal<VoteKernel>({1, 81}), "more threads than it declares");
  EXPECT_THROW(grid_size(2147483648), Error);
}

}  // namespace
}  // namespace llsa::cuda
