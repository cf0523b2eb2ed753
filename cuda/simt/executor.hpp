#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace llsa::cuda::simt {

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr Dim3() = default;
  constexpr Dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr std::uint64_t size() const { return static_cast<std::uint64_t>(x) * y * z; }
};

/// The order in which the executor takes up blocks, and the threads of a block between two barriers; `shuffled` also
/// lets some warps run far ahead of others. A correct kernel gives the same bits in every order, so tests run several:
/// a missing barrier shows as a difference.
enum class Order { ascending, descending, shuffled };

/// How a launch is carried out.
struct Execution {
  int os_threads = 1;  ///< blocks are spread over so many threads of the operating system
  Order order = Order::ascending;
  std::uint64_t seed = 0;  ///< for `Order::shuffled`
  /// The most shared memory of a block, in bytes: of compute capability 9.0, 8.0 (163 KiB) or 8.6, 8.9 and 12.0 (99
  /// KiB).
  std::size_t shared_limit = 227 * 1024;
};

struct Grid {
  const char* kernel = "";  ///< for messages
  Dim3 blocks, threads;
  std::size_t shared_bytes = 0;
};

/// Runs `body(params)` once for every thread of every block: one fiber for each CUDA thread, all fibers of a block on
/// one thread of the operating system. Returns when all are done. Shared memory is filled with 0xff before every block.
/// Throws `Error` (naming kernel, block and thread) for a barrier or warp operation that not all of its threads reach
/// or that they reach at different places, for writes beyond the shared memory asked for, and for a grid outside CUDA's
/// limits; whatever `body` throws is passed on.
void run(const Execution& how, const Grid& grid, void (*body)(const void* params), const void* params);

// What kernel source sees of itself; valid only inside `body`.
const Dim3& thread_index();
const Dim3& block_index();
const Dim3& block_extent();
const Dim3& grid_extent();
unsigned lane_index();
std::byte* shared_memory();
std::size_t shared_bytes();

// What the twins of instructions tell of shared memory, 16 aligned bytes at a time (see `SharedShadow`). Each throws as
// `fail` does where an order is missing; an address outside shared memory is an error, too.
void copy_begins(const void* shared, std::source_location site = std::source_location::current());
void copy_lands(const void* shared);
void stores(const void* shared, std::source_location site = std::source_location::current());
/// Of the calling thread's warp.
void warp_reads(const void* shared, std::source_location site = std::source_location::current());
void warp_synchronized(unsigned mask);

/// Throws `Error` with kernel, block and thread in front of `what`.
[[noreturn]] void fail(const char* what, std::source_location site = std::source_location::current());

/// `__syncthreads_count`: waits for all threads of the block, returns how many came with `predicate`.
int block_barrier(bool predicate, std::source_location site);

/// The rendezvous behind every warp operation. Each lane of `mask` (the caller among them) brings `payload`; when the
/// last has come, `apply(context, lanes)` is called once with the 32 payloads (null for lanes outside `mask`) and may
/// write into them; then all continue. Lanes that meet must have the same `mask`, `what` and `site`.
using WarpApply = void (*)(void* context, void* const* lanes);
void warp_rendezvous(const char* what, unsigned mask, void* payload, WarpApply apply, void* context,
                     std::source_location site);

/// The same, typed: `apply(Payload* const* lanes)`.
template <class Payload, class Apply>
void warp_collective(const char* what, unsigned mask, Payload& mine, Apply apply,
                     std::source_location site = std::source_location::current()) {
  warp_rendezvous(
      what, mask, &mine,
      [](void* context, void* const* lanes) {
        Payload* typed[32];
        for (int lane = 0; lane < 32; ++lane) typed[lane] = static_cast<Payload*>(lanes[lane]);
        (*static_cast<Apply*>(context))(static_cast<Payload* const*>(typed));
      },
      &apply, site);
}

}  // namespace llsa::cuda::simt
