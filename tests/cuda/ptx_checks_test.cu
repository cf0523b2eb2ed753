// The interpreter's checks, each with a bug planted in the text of the compiled PTX of a small kernel that is right.
// The unchanged kernels run first: a check that always cries would be no check.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "cuda/mma/cp_async.cuh"
#include "cuda/mma/ldmatrix.cuh"
#include "cuda/ptx/counts.hpp"
#include "cuda/ptx/runtime/kernels.hpp"
#include "cuda/ptx/runtime/status.hpp"

namespace llsa::ptx {
namespace {

constexpr int threads = 96, blocks = 3, count = threads * blocks;

/// Threads pass a value on through shared memory, twice.
__global__ void rotate(const float* in, float* out) {
  __shared__ float tile[threads];
  const unsigned t = threadIdx.x, here = blockIdx.x * threads + t;
  tile[t] = in[here];
  __syncthreads();
  const float value = 2 * tile[(t + 32) % threads];
  __syncthreads();
  tile[t] = value;
  __syncthreads();
  out[here] = tile[(t + 32) % threads];
}

/// The lanes of a warp pass a value on.
__global__ void mirror(const float* in, float* out) {
  __shared__ float tile[threads];
  const unsigned t = threadIdx.x, here = blockIdx.x * threads + t;
  tile[t] = in[here];
  __syncwarp();
  out[here] = tile[t ^ 31];
}

/// A tile that is copied asynchronously, 16 bytes a thread.
__global__ void fetch(const float* in, float* out) {
  __shared__ alignas(16) float tile[4 * threads];
  const unsigned t = threadIdx.x;
  cuda::AsyncCopies copies;
  copies.copy(reinterpret_cast<half*>(tile + 4 * t), reinterpret_cast<const half*>(in + 4 * t), true);
  copies.commit();
  copies.wait<0>();
  __syncthreads();
  out[blockIdx.x * threads + t] = tile[4 * t + 5 < 4 * blockDim.x ? 4 * t + 5 : 0];
}

/// Rows that each lane has written, loaded as a matrix.
__global__ void matrix(const float* in, float* out) {
  __shared__ alignas(16) float tile[4 * 32];
  const unsigned lane = threadIdx.x;
  for (unsigned i = 0; i < 4; ++i) tile[4 * lane + i] = in[4 * lane + i];
  __syncwarp();
  unsigned word[4];
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(tile + 4 * lane));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]), "=r"(word[3])
               : "r"(address)
               : "memory");
  for (unsigned i = 0; i < 4; ++i) out[32 * i + lane] = __uint_as_float(word[i]);
}

/// Values that are needed behind branches, in a loop. Every sum is a whole number below 2^24.
__global__ void carry(const float* in, float* out) {
  const unsigned first = blockIdx.x * threads, here = first + threadIdx.x;
  const float kept = in[here];
  float sum = 0;
  for (unsigned i = 0; i < blockDim.x; ++i) {
    const float other = in[first + i];
    if (other < kept)
      sum += other * kept;
    else if (other > kept + 3)
      sum -= kept;
  }
  out[here] = sum;
}

class PtxChecks : public ::testing::Test {
 protected:
  using Launch = void (*)(const float*, float*);

  void SetUp() override {
    settings() = Settings{.device = device_named("a100")};
    // Twice the room: a wrong index can stay inside.
    ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&in_), 2 * bytes_), cudaSuccess);
    ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&out_), bytes_), cudaSuccess);
    std::vector<float> values(bytes_ / sizeof(float));
    std::iota(values.begin(), values.end(), 0.0f);
    ASSERT_EQ(cudaMemcpy(in_, values.data(), bytes_, cudaMemcpyHostToDevice), cudaSuccess);
  }
  void TearDown() override {
    Runtime::instance().set_mutation({});
    settings() = Settings{.device = device_named("a100")};
    cudaFree(in_), cudaFree(out_);
  }

  /// What the interpreter says of a run; empty when it is content.
  std::string run(Launch kernel, int grid = blocks, int block = threads) {
    kernel<<<grid, block>>>(in_, out_);
    const cudaError_t status = cudaGetLastError();
    if (status == cudaSuccess) return "";
    EXPECT_EQ(status, cudaErrorLaunchFailure) << cudaGetErrorString(status);
    return cudaGetErrorString(status);
  }
  std::vector<float> results() const {
    std::vector<float> values(count);
    EXPECT_EQ(cudaMemcpy(values.data(), out_, sizeof(float) * count, cudaMemcpyDeviceToHost), cudaSuccess);
    return values;
  }
  /// Content with the kernel as it is, and says `message` when `from` has become `to`.
  void expect_caught(Launch kernel, const Mutation& mutation, const std::string& message, int grid = blocks,
                     int block = threads) {
    Runtime::instance().set_mutation({});
    EXPECT_EQ(run(kernel, grid, block), "");
    Runtime::instance().set_mutation(mutation);
    const std::string report = run(kernel, grid, block);
    EXPECT_NE(report.find(message), std::string::npos) << "\"" << report << "\" does not say: " << message;
    EXPECT_NE(report.find(mutation.kernel), std::string::npos) << report;
    EXPECT_NE(report.find("line "), std::string::npos) << report;
  }

  static constexpr std::size_t bytes_ = sizeof(float) * 4 * count;
  float *in_ = nullptr, *out_ = nullptr;
};

const std::string block_barrier = R"(bar\.sync\s+0;)", warp_barrier = R"(bar\.warp\.sync\s+-1;)";

TEST_F(PtxChecks, kernels_that_are_right_give_what_their_source_says) {
  ASSERT_EQ(run(rotate), "");
  for (int i = 0; i < count; ++i) EXPECT_EQ(results()[i], 2.0f * (i / threads * threads + (i + 64) % threads)) << i;
  ASSERT_EQ(run(mirror), "");
  for (int i = 0; i < count; ++i) EXPECT_EQ(results()[i], static_cast<float>(i ^ 31)) << i;
  ASSERT_EQ(run(carry), "");
  for (int i = 0; i < count; ++i) {
    float sum = 0;
    for (int other = i / threads * threads; other < i / threads * threads + threads; ++other)
      sum += other < i ? static_cast<float>(other * i) : other > i + 3 ? static_cast<float>(-i) : 0.0f;
    EXPECT_EQ(results()[i], sum) << i;
  }
}

TEST_F(PtxChecks, accesses_outside_every_allocation_are_found) {
  expect_caught(rotate, {"rotate", R"(st\.global\.f32\s+\[(%rd\d+)\])", "st.global.f32 [$1+1048576]"},
                "lie outside every allocation");
  expect_caught(rotate, {"rotate", R"(ld\.global\.f32\s+(%f\d+), \[(%rd\d+)\])", "ld.global.f32 $1, [$2-1048576]"},
                "lie outside every allocation");
  expect_caught(rotate, {"rotate", R"(st\.shared\.f32\s+\[(%r\d+)\])", "st.shared.f32 [$1+64]"},
                "lie outside the 384 bytes of shared memory");
}

TEST_F(PtxChecks, misaligned_addresses_are_found) {
  expect_caught(rotate, {"rotate", R"(ld\.global\.f32\s+(%f\d+), \[(%rd\d+)\])", "ld.global.f32 $1, [$2+2]"},
                "is not a multiple of 4 bytes");
  expect_caught(rotate, {"rotate", R"(st\.shared\.f32\s+\[(%r\d+)\])", "st.shared.f32 [$1+1]"},
                "is not a multiple of 4 bytes");
  expect_caught(fetch,
                {"fetch", R"(cp\.async\.cg\.shared\.global\s+\[(%r\d+)\], \[(%rd\d+)\])",
                 "cp.async.cg.shared.global [$1], [$2+4]"},
                "is not a multiple of 16 bytes");
}

TEST_F(PtxChecks, reads_of_memory_that_was_never_written_are_found) {
  expect_caught(rotate, {"rotate", R"(st\.shared\.f32[^;]*;)", ""}, "reads memory that was never written");
  expect_caught(rotate, {"rotate", R"(ld\.global\.f32\s+(%f\d+), \[(%rd\d+)\])", "ld.global.f32 $1, [$2+4608]"},
                "reads memory that was never written");
}

TEST_F(PtxChecks, races_in_a_block_are_found) {
  expect_caught(rotate, {"rotate", block_barrier, "", 1}, "race: writes what thread 0 read");
  // Warp 1 writes where warp 0 does.
  expect_caught(rotate,
                {"rotate", R"(st\.shared\.f32\s+\[(%r\d+)\], (%f\d+);)",
                 "{ .reg .b32 w; and.b32 w, $1, -129; st.shared.f32 [w], $2; }", 1},
                "race: writes what thread 0 wrote");
  settings().warps = Order::descending;
  expect_caught(rotate, {"rotate", block_barrier, "", 2}, "race: reads what thread 64 wrote");
}

TEST_F(PtxChecks, only_barriers_order_the_lanes_of_a_warp) {
  expect_caught(mirror, {"mirror", warp_barrier, ""}, "race: reads what thread");
  expect_caught(mirror, {"mirror", warp_barrier, "{ .reg .pred q; vote.sync.any.pred q, 1, -1; }"},
                "race: reads what thread");
  expect_caught(mirror, {"mirror", warp_barrier, "{ .reg .b32 w; shfl.sync.bfly.b32 w, 0, 1, 31, -1; }"},
                "race: reads what thread");
  // Half a warp is not enough for the other half.
  expect_caught(mirror,
                {"mirror", warp_barrier,
                 "{ .reg .pred q; .reg .b32 w; mov.u32 w, %laneid; setp.lt.u32 q, w, 16; @q bar.warp.sync 65535; "
                 "@!q bar.warp.sync -65536; }"},
                "race: reads what thread");
  expect_caught(matrix, {"matrix", warp_barrier, ""}, "race: reads what thread", 1, 32);
}

TEST_F(PtxChecks, races_between_blocks_are_found) {
  expect_caught(rotate, {"rotate", R"(mov\.u32\s+(%r\d+), %ctaid\.x;)", "mov.u32 $1, 0;"},
                "race between blocks: writes what another block of the launch wrote");
}

TEST_F(PtxChecks, a_target_of_an_asynchronous_copy_may_not_be_touched_before_the_wait) {
  const std::string message = "the target of an asynchronous copy that was not waited for";
  for (const CopyArrival arrival : {CopyArrival::early, CopyArrival::late}) {
    settings().copies = arrival;
    expect_caught(fetch, {"fetch", R"(cp\.async\.wait_group\s+0;)", ""}, "reads " + message);
    expect_caught(fetch, {"fetch", R"(cp\.async\.wait_group\s+0;)", "cp.async.wait_group 1;"}, "reads " + message);
    expect_caught(fetch, {"fetch", R"(cp\.async\.commit_group;)", ""}, "reads " + message);
    // The wait is for the thread's own copies; others need a barrier behind it.
    expect_caught(fetch, {"fetch", block_barrier, ""}, "race: reads what thread", 1, 32);
  }
}

TEST_F(PtxChecks, lanes_that_part_before_an_instruction_for_all_are_found) {
  const std::string half_warp = "{ .reg .pred q; .reg .b32 w; mov.u32 w, %laneid; setp.lt.u32 q, w, 16; ";
  expect_caught(rotate, {"rotate", block_barrier, half_warp + "@q bar.sync 0; @!q bar.sync 0; }"},
                "only some of the warp's lanes reach an instruction that all must execute together");
  expect_caught(matrix, {"matrix", R"(ldmatrix\.sync)", half_warp + "@q exit; }\nldmatrix.sync"},
                "only some of the warp's lanes reach", 1, 32);
  expect_caught(mirror,
                {"mirror", warp_barrier,
                 half_warp + "@q bra OTHER; } bar.warp.sync -1; bra.uni GO; "
                             "OTHER: { .reg .pred q; vote.sync.any.pred q, 1, -1; } GO:"},
                "waits for lanes that never come");
}

TEST_F(PtxChecks, barriers_that_some_threads_never_reach_are_found) {
  const std::string first_warp = "{ .reg .pred q; .reg .b32 w; mov.u32 w, %tid.x; setp.lt.u32 q, w, 32; ";
  expect_caught(rotate, {"rotate", block_barrier, first_warp + "@q exit; } bar.sync 0;"},
                "waits at a barrier that other threads never reach");
  expect_caught(
      rotate, {"rotate", block_barrier, first_warp + "@q bra OTHER; } bar.sync 0; bra.uni GO; OTHER: bar.sync 0; GO:"},
      "is at another barrier than warp");
}

TEST_F(PtxChecks, what_is_not_known_is_an_error_that_names_kernel_and_line) {
  expect_caught(rotate, {"rotate", R"(add\.f32)", "sin.approx.f32"}, "unknown instruction");
  expect_caught(rotate, {"rotate", R"(add\.f32)", "add.rz.f32"}, "unknown modifier \".rz\"");
  Runtime::instance().set_mutation({"rotate", "no such text", ""});
  EXPECT_NE(run(rotate).find("has no match number 0"), std::string::npos);
}

TEST_F(PtxChecks, launches_outside_the_limits_are_refused) {
  rotate<<<blocks, 1025>>>(in_, out_);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  rotate<<<blocks, threads, 48 * 1024 + 1>>>(in_, out_);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  const auto most = [&](const char* device) {
    settings().device = device_named(device);
    for (int kib = 228; kib > 0; --kib) {
      if (cudaFuncSetAttribute(mirror, cudaFuncAttributeMaxDynamicSharedMemorySize, kib * 1024 - 384) == cudaSuccess)
        return kib;
      cudaGetLastError();
    }
    return 0;
  };
  EXPECT_EQ(most("l40s"), 99);
  EXPECT_EQ(most("a100"), 163);
  EXPECT_EQ(most("h100"), 227);
}

TEST_F(PtxChecks, captured_work_runs_when_its_graph_is_launched) {
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaMemset(out_, 0, bytes_), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  mirror<<<blocks, threads, 0, stream>>>(in_, out_);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaMemset(out_, 1, 4), cudaErrorStreamCaptureUnsupported);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(results()[0], 0.0f);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  EXPECT_EQ(results()[0], 31.0f);
  cudaGraphExecDestroy(executable), cudaGraphDestroy(graph), cudaStreamDestroy(stream);
  cudaGetLastError();
}

TEST_F(PtxChecks, counts_are_those_counted_by_hand) {
  settings().count = true;
  counters().clear();
  ASSERT_EQ(run(rotate), "");
  const Counts& of = counters().all().at("rotate");
  EXPECT_EQ(of.launches, 1);
  EXPECT_EQ(of.blocks, blocks);
  EXPECT_EQ(of.threads, count);
  const std::uint64_t warps = count / 32;
  EXPECT_EQ(of.by_class[static_cast<std::size_t>(Class::barrier)], 3 * warps);
  EXPECT_EQ(of.barriers, 3 * blocks);
  EXPECT_EQ(of.by_class[static_cast<std::size_t>(Class::shared)], 4 * warps);
  EXPECT_EQ(of.shared_wavefronts, 4 * warps);  // neighbouring words
  EXPECT_EQ(of.best_wavefronts, 4 * warps);
  EXPECT_EQ(of.global_sectors, 2 * 4 * warps);  // one load and one store of 128 bytes
  EXPECT_EQ(of.distinct_sectors, 2 * 4 * warps);
  EXPECT_EQ(of.missing_sectors, 2 * 4 * warps);
  EXPECT_EQ(of.divergent_branches, 0);

  counters().clear();
  ASSERT_EQ(run(fetch, 1, 32), "");
  const Counts& copied = counters().all().at("fetch");
  EXPECT_EQ(copied.copy_async_bytes, 512);
  // The copy's 512 bytes in four passes; the reads, 16 bytes apart, in four where one could do.
  EXPECT_EQ(copied.shared_wavefronts, 8);
  EXPECT_EQ(copied.best_wavefronts, 5);
}

}  // namespace
}  // namespace llsa::ptx
