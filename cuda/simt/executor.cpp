#include "cuda/simt/executor.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cuda/simt/block.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::simt {
namespace {

// Fibers never change their thread of the operating system, so this is constant for a fiber's whole life.
thread_local Block* running = nullptr;
thread_local StackArena stacks;

void check_limits(const Execution& how, const Grid& grid) {
  const Dim3& b = grid.blocks;
  const Dim3& t = grid.threads;
  std::string wrong;
  if (b.x > 2147483647u || b.y > 65535u || b.z > 65535u) wrong = "the grid exceeds 2147483647 x 65535 x 65535 blocks";
  if (t.size() < 1 || t.size() > 1024 || t.z > 64) wrong = "a block must have 1 to 1024 threads";
  if (grid.shared_bytes > how.shared_limit)
    wrong = std::to_string(grid.shared_bytes) + " bytes of shared memory; at most " + std::to_string(how.shared_limit) +
            " are allowed";
  if (!wrong.empty()) throw Error("kernel " + std::string(grid.kernel) + ": " + wrong);
}

// The i-th block to run. 1000003 is prime, so multiplying by it permutes every grid size that it does not divide.
std::uint64_t pick(const Execution& how, std::uint64_t i, std::uint64_t count) {
  if (how.order == Order::ascending) return i;
  if (how.order == Order::descending) return count - 1 - i;
  const std::uint64_t step = count % 1000003 == 0 ? 1 : 1000003 % count;
  return (how.seed % count + i * step) % count;
}

}  // namespace

void run(const Execution& how, const Grid& grid, void (*body)(const void*), const void* params) {
  check_limits(how, grid);
  const std::uint64_t count = grid.blocks.size();
  if (count == 0) return;
  std::atomic<std::uint64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    Block* const outer = running;
    try {
      Block block(how, grid, body, params, stacks);
      running = &block;
      for (std::uint64_t i = next++; i < count; i = next++) {
        const std::uint64_t b = pick(how, i, count);
        block.run({static_cast<unsigned>(b % grid.blocks.x), static_cast<unsigned>(b / grid.blocks.x % grid.blocks.y),
                   static_cast<unsigned>(b / grid.blocks.x / grid.blocks.y)});
      }
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
    running = outer;
  };
  const std::uint64_t helpers =
      std::min<std::uint64_t>(count, static_cast<std::uint64_t>(std::max(1, how.os_threads))) - 1;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < helpers; ++i) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

const Dim3& thread_index() { return running->current().index; }
const Dim3& block_index() { return running->index(); }
const Dim3& block_extent() { return running->grid().threads; }
const Dim3& grid_extent() { return running->grid().blocks; }
unsigned lane_index() { return running->current().number % 32; }
std::byte* shared_memory() { return running->shared(); }
std::size_t shared_bytes() { return running->grid().shared_bytes; }
void copy_begins(const void* shared, std::source_location site) { running->copy_begins(shared, site); }
void copy_lands(const void* shared) { running->copy_lands(shared); }
void stores(const void* shared, std::source_location site) { running->stores(shared, site); }
void warp_reads(const void* shared, std::source_location site) { running->warp_reads(shared, site); }
void warp_synchronized(unsigned mask) { running->warp_synchronized(mask); }
void fail(const char* what, std::source_location site) { running->fail(what, site); }
int block_barrier(bool predicate, std::source_location site) { return running->barrier(predicate, site); }
void warp_rendezvous(const char* what, unsigned mask, void* payload, WarpApply apply, void* context,
                     std::source_location site) {
  running->rendezvous(what, mask, payload, apply, context, site);
}

}  // namespace llsa::cuda::simt
