#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace llsa::ptx {

class Warp;
struct Instruction;

inline constexpr std::uint32_t warp_lanes = 32, all_lanes = 0xffffffffu;
/// Bytes of a 32-bit register of a warp; a 64-bit register takes two such slots.
inline constexpr std::uint32_t slot_bytes = 4 * warp_lanes;

/// Executes an instruction for `lanes` of a warp.
using Handler = void (*)(Warp&, const Instruction&, std::uint32_t lanes);

/// How an instruction meets the flow of control.
enum class Flow : std::uint8_t {
  next,          ///< goes on behind it
  branch,        ///< to `target`
  leave,         ///< ret, exit
  members,       ///< waits for the lanes of a member mask (shuffles, votes)
  warp_barrier,  ///< the same, and orders memory (bar.warp.sync)
  aligned,       ///< needs all 32 lanes (mma, ldmatrix)
  barrier,       ///< waits for the block
};

/// Classes that instructions are counted in.
enum class Class : std::uint8_t {
  fp32,
  integer,
  compare,
  move,
  convert,
  special,
  branch,
  barrier,
  shuffle,
  parameter,
  shared,
  global,
  atomic,
  matrix,
  ldmatrix,
  copy_async,
  count_
};
inline constexpr std::size_t class_count = static_cast<std::size_t>(Class::count_);
std::string_view class_name(Class c);

/// Operands are places in a warp's registers: `slot[0]` is the destination of simple instructions, the rest are
/// sources. Immediates have places of their own, so that every operand is read the same way.
struct alignas(64) Instruction {
  Handler execute = nullptr;
  std::int64_t offset = 0;   ///< added to an address
  std::uint32_t target = 0;  ///< of a branch
  std::uint32_t line = 0;    ///< in the module's text
  std::array<std::uint16_t, 14> slot{};
  std::uint16_t guard = 0;  ///< place of a predicate; 1 is always true
  bool guard_negated = false;
  Flow flow = Flow::next;
  Class kind = Class::move;
  std::uint8_t bytes = 0;   ///< of one element in memory
  std::uint8_t count = 1;   ///< elements of a vector
  std::uint8_t detail = 0;  ///< what an instruction's handler says
};
static_assert(sizeof(Instruction) == 64);

/// A value that is the same for all lanes, or known for each before the kernel runs.
struct Constant {
  enum class Kind : std::uint8_t {
    bits,
    tid_x,
    tid_y,
    tid_z,
    ntid_x,
    ntid_y,
    ntid_z,
    ctaid_x,
    ctaid_y,
    ctaid_z,
    nctaid_x,
    nctaid_y,
    nctaid_z,
    laneid,
    warpid,
    mask_eq,
    mask_le,
    mask_lt,
    mask_ge,
    mask_gt
  };
  Kind kind = Kind::bits;
  bool wide = false;
  std::uint64_t bits = 0;
  std::uint16_t slot = 0;
};

/// A kernel decoded for execution.
struct Program {
  std::string name;               ///< mangled
  std::vector<Instruction> code;  ///< ends with a `leave`
  std::vector<std::string> text;  ///< of every instruction, for messages
  std::vector<Constant> constants;
  std::uint32_t slots = 0;       ///< of a warp's registers and constants
  std::uint32_t predicates = 2;  ///< places 0 and 1 hold false and true
  std::uint32_t static_shared_bytes = 0;
  std::uint32_t dynamic_shared_offset = 0;
  std::uint32_t parameter_bytes = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parameters;  ///< offset and bytes of each
  std::uint32_t max_threads = 1024;
};

/// Addresses of shared memory begin here in the shared window, so that an address of 0 is not one of them.
inline constexpr std::uint32_t shared_base = 1024;
/// The shared window within generic addresses.
inline constexpr std::uint64_t generic_shared = 0x0100'0000'0000'0000u;
/// The parameter window within addresses that `mov` takes of parameters.
inline constexpr std::uint64_t parameter_base = 4096;

}  // namespace llsa::ptx
