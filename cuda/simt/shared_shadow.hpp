#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace llsa::cuda::simt {

/// Who wrote and who read each 8 bytes of a block's shared memory, as far as the twins of `cp.async`, `ldmatrix` and
/// `store_shared` tell. The twins of warp operations make lanes meet, and so does the hardware's `.sync`; but meeting
/// orders no memory: what one lane wrote another may read after `__syncwarp` or `__syncthreads` only. A violation shows
/// here whatever order the fibers run in.
///
/// Plain stores are not seen. A `__syncwarp` counts when its mask has every lane of the warp.
class SharedShadow {
 public:
  /// For blocks of `threads` threads with `bytes` of shared memory.
  SharedShadow(unsigned threads, std::size_t bytes) : cells_((bytes + 7) / 8), warp_syncs_((threads + 31) / 32) {}

  void begin_block() { ++block_; }
  void barrier() { ++barriers_; }
  void warp_sync(unsigned warp) { ++warp_syncs_[warp]; }

  // Each takes the offset of 8 bytes and returns what is wrong, or nothing.

  /// `thread` starts to copy to the place; what is there must have been read and written before, in order.
  std::string copy_begins(std::size_t offset, unsigned thread);
  /// The copy's data is there for `thread`.
  void copy_lands(std::size_t offset, unsigned thread);
  /// `thread` stores to the place.
  std::string store(std::size_t offset, unsigned thread);
  /// All lanes of `warp` read the place.
  std::string warp_reads(std::size_t offset, unsigned warp);

 private:
  struct Moment {
    std::uint64_t barrier = 0, warp_sync = 0;
  };
  struct Cell {
    std::uint64_t block = 0;  ///< the block that the rest is about
    unsigned writer = 0, reading_warp = 0;
    bool written = false, under_way = false, read = false, read_by_many = false;
    Moment of_write, of_read;
  };

  Cell& at(std::size_t offset);
  Moment now(unsigned warp) const { return {barriers_, warp_syncs_[warp]}; }
  /// Whether `warp` has synchronised with `other` since `then`, a moment of `other`.
  bool ordered(const Moment& then, unsigned other, unsigned warp) const;
  std::string overwrites(const Cell& cell, unsigned thread) const;

  std::vector<Cell> cells_;
  std::vector<std::uint64_t> warp_syncs_;
  std::uint64_t barriers_ = 0, block_ = 0;
};

}  // namespace llsa::cuda::simt
