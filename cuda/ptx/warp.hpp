#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/ptx/program.hpp"

namespace llsa::ptx {

class Block;

/// 32 threads that run in step while they agree, and in groups of lanes when they do not. The group with the lowest
/// program counter runs first; groups that meet at an instruction go on together. Groups wait at instructions that need
/// other lanes.
class Warp {
 public:
  enum class Pause : std::uint8_t { barrier, finished, turn };

  /// `registers` has `slot_bytes` for each slot of the program, 64-byte aligned.
  void begin(Block& block, std::uint32_t index, std::uint32_t present, std::byte* registers, std::uint32_t* predicates);
  /// Runs until the warp waits for the block, is finished, or has executed `budget` instructions. Throws `Fault`.
  Pause run(std::uint64_t budget);
  /// Lets it go on behind the barrier where it waits.
  void pass_barrier();

  // For handlers.
  template <class Cell>
  Cell* cells(std::uint16_t slot) const {
    return reinterpret_cast<Cell*>(registers_ + std::size_t{slot} * slot_bytes);
  }
  std::uint32_t& predicate(std::uint16_t place) const { return predicates_[place]; }
  Block& block() const { return *block_; }
  std::uint32_t index() const { return index_; }
  std::uint32_t present() const { return present_; }
  std::uint32_t alive() const { return alive_; }
  bool finished() const { return alive_ == 0; }
  bool at_barrier() const { return at_barrier_; }
  /// The instruction that runs, or where the warp waits.
  std::uint32_t at() const { return at_; }

  /// An asynchronous copy that has not been waited for.
  struct Copy {
    std::uint64_t from = 0;
    std::uint32_t to = 0, group = 0;
    std::uint8_t lane = 0, bytes = 0, source_bytes = 0;
  };
  std::vector<Copy> copies;
  std::array<std::uint32_t, 32> commits{};  ///< groups of copies that each lane has closed

 private:
  struct Group {
    std::uint32_t pc = 0, lanes = 0;
    bool waiting = false;
  };

  Group* next_group(std::uint32_t& limit);
  void split(Group& group, std::uint32_t leaving, std::uint32_t pc);
  bool meet_members(Group& group, const Instruction& instruction, std::uint32_t active);
  bool release_warp_barriers();
  void drop_empty();

  Block* block_ = nullptr;
  std::byte* registers_ = nullptr;
  std::uint32_t* predicates_ = nullptr;
  std::uint32_t index_ = 0, present_ = 0, alive_ = 0, at_ = 0, count_ = 0;
  bool at_barrier_ = false;
  std::array<Group, 40> groups_{};
};

}  // namespace llsa::ptx
