#include "cuda/ptx/block.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <numeric>
#include <random>

#include "cuda/ptx/asynchronous.hpp"
#include "cuda/ptx/barrier.hpp"
#include "cuda/ptx/error.hpp"

namespace llsa::ptx {
namespace {

constexpr std::align_val_t alignment{64};

/// The clock goes on from launch to launch, for global memory remembers.
std::uint32_t& last_tick() {
  static std::uint32_t tick = 1;
  return tick;
}

template <class Item>
void arrange(std::vector<Item>& items, Order order, std::mt19937_64& random) {
  if (order == Order::descending) std::reverse(items.begin(), items.end());
  if (order == Order::shuffled) std::shuffle(items.begin(), items.end(), random);
}

}  // namespace

void Block::Free::operator()(std::byte* p) const { ::operator delete[](p, alignment); }

Block::Block(const Program& program, const LaunchShape& shape, std::span<const std::byte> parameters,
             DeviceMemory& memory, const Settings& settings, Cache& cache)
    : program_(&program),
      shape_(shape),
      parameters_(parameters),
      memory_(&memory),
      settings_(&settings),
      cache_(&cache) {
  static std::uint32_t launches = 0;
  launch_mark_ = ++launches;
  executed_.assign(program.code.size(), 0);
  shared_.resize(program.dynamic_shared_offset + shape.dynamic_shared_bytes);
  shared_shadow_.resize(shared_.size() / 4 + 1);
  const std::size_t warps = (shape.threads.size() + 31) / 32;
  const std::size_t bytes = warps * std::max(program.slots, 1u) * slot_bytes;
  registers_.reset(new (alignment) std::byte[bytes]);
  std::memset(registers_.get(), 0xcd, bytes);
  predicates_.assign(warps * program.predicates, 0xcdcdcdcdu);
  warps_.resize(warps);
  clock.now = last_tick();
  clock.begin_launch();
}

void Block::run_grid() {
  std::mt19937_64 random(settings_->seed);
  std::vector<std::uint64_t> blocks(shape_.blocks.size());
  std::iota(blocks.begin(), blocks.end(), 0);
  arrange(blocks, settings_->blocks, random);
  set_constants(0, true);
  for (const std::uint64_t block : blocks) run_block(block);
  last_tick() = clock.now + 1;
  if (last_tick() > 0xf0000000u) throw Error("the interpreter's clock is at its end; run fewer kernels in one program");

  counts_.launches = 1;
  counts_.blocks = shape_.blocks.size();
  counts_.threads = counts_.blocks * shape_.threads.size();
  counts_.block_shared_bytes = shared_.size();
  for (std::size_t i = 0; i < executed_.size(); ++i) {
    const Instruction& instruction = program_->code[i];
    counts_.instructions += executed_[i];
    counts_.by_class[static_cast<std::size_t>(instruction.kind)] += executed_[i];
    if (instruction.kind == Class::matrix) counts_.matrix_operations += executed_[i] * 2 * 16 * 8 * 16;
  }
  counters().of(program_->name) += counts_;
}

/// The grid's place of the block changes from block to block, everything else is set once.
void Block::set_constants(std::uint64_t block, bool all) {
  const Extent& t = shape_.threads;
  const Extent& b = shape_.blocks;
  for (const Constant& constant : program_->constants) {
    using Kind = Constant::Kind;
    const bool of_block =
        constant.kind == Kind::ctaid_x || constant.kind == Kind::ctaid_y || constant.kind == Kind::ctaid_z;
    if (!all && !of_block) continue;
    for (std::uint32_t w = 0; w < warps_.size(); ++w) {
      std::byte* cell = registers_.get() + (std::size_t{w} * program_->slots + constant.slot) * slot_bytes;
      for (std::uint32_t lane = 0; lane < 32; ++lane) {
        const std::uint32_t thread = w * 32 + lane;
        const auto value = [&]() -> std::uint64_t {
          switch (constant.kind) {
            case Kind::bits:
              return constant.bits;
            case Kind::tid_x:
              return thread % t.x;
            case Kind::tid_y:
              return thread / t.x % t.y;
            case Kind::tid_z:
              return thread / t.x / t.y;
            case Kind::ntid_x:
              return t.x;
            case Kind::ntid_y:
              return t.y;
            case Kind::ntid_z:
              return t.z;
            case Kind::ctaid_x:
              return block % b.x;
            case Kind::ctaid_y:
              return block / b.x % b.y;
            case Kind::ctaid_z:
              return block / b.x / b.y;
            case Kind::nctaid_x:
              return b.x;
            case Kind::nctaid_y:
              return b.y;
            case Kind::nctaid_z:
              return b.z;
            case Kind::laneid:
              return lane;
            case Kind::warpid:
              return w;
            case Kind::mask_eq:
              return 1u << lane;
            case Kind::mask_lt:
              return (1u << lane) - 1;
            case Kind::mask_le:
              return (2u << lane) - 1;
            case Kind::mask_gt:
              return ~((2u << lane) - 1);
            case Kind::mask_ge:
              return ~((1u << lane) - 1);
          }
          return 0;
        }();
        if (constant.wide)
          reinterpret_cast<std::uint64_t*>(cell)[lane] = value;
        else
          reinterpret_cast<std::uint32_t*>(cell)[lane] = static_cast<std::uint32_t>(value);
      }
    }
  }
}

void Block::run_block(std::uint64_t number) {
  block_ = number;
  clock.begin_block();
  set_constants(number, false);
  std::fill(shared_.begin(), shared_.end(), std::byte{0xff});
  barriers_.fill({});
  const auto threads = static_cast<std::uint32_t>(shape_.threads.size());
  for (std::uint32_t w = 0; w < warps_.size(); ++w) {
    const std::uint32_t left = threads - w * 32;
    std::uint32_t* predicates = predicates_.data() + std::size_t{w} * program_->predicates;
    predicates[0] = 0, predicates[1] = all_lanes;
    warps_[w].begin(*this, w, left >= 32 ? all_lanes : (1u << left) - 1,
                    registers_.get() + std::size_t{w} * program_->slots * slot_bytes, predicates);
  }
  std::mt19937_64 random(settings_->seed ^ number);
  std::vector<Warp*> order;
  for (Warp& warp : warps_) order.push_back(&warp);
  for (bool moved = true; moved;) {
    moved = false;
    std::vector<Warp*> turn = order;
    arrange(turn, settings_->warps, random);
    for (Warp* warp : turn) {
      if (warp->finished() || warp->at_barrier()) continue;
      moved = true;
      try {
        const std::uint64_t budget = settings_->quantum ? 1 + random() % settings_->quantum : std::uint64_t{1} << 28;
        const Warp::Pause pause = warp->run(budget);
        if (pause == Warp::Pause::barrier) arrive(*warp);
        if (pause == Warp::Pause::turn && settings_->quantum == 0) throw Fault{"never ends", 0};
        if (pause == Warp::Pause::finished) finish_copies(*warp);
      } catch (const Fault& fault) {
        fail(*warp, fault.lane, fault.what);
      }
    }
  }
  for (const Warp& warp : warps_)
    if (!warp.finished()) fail_waiting();
}

void Block::arrive(Warp& warp) {
  const Instruction& instruction = program_->code[warp.at()];
  const BarrierOperands operands = barrier_operands(warp, instruction);
  Barrier& barrier = barriers_[operands.number];
  barrier.threads += static_cast<std::uint32_t>(std::popcount(warp.alive()));
  barrier.warps |= 1u << warp.index();
  const std::uint32_t votes = warp.alive() & operands.votes;
  barrier.any |= votes != 0;
  barrier.all &= votes == warp.alive();
  barrier.sum += static_cast<std::uint32_t>(std::popcount(votes));
  const auto all = static_cast<std::uint32_t>(shape_.threads.size());
  if (barrier.threads == (operands.threads ? operands.threads : all)) complete(barrier);
}

void Block::complete(Barrier& barrier) {
  const auto first = static_cast<std::uint32_t>(std::countr_zero(barrier.warps));
  for (const Warp& warp : warps_)
    if ((barrier.warps >> warp.index() & 1) && warp.at() != warps_[first].at())
      fail(warp, 0,
           "is at another barrier than warp " + std::to_string(first) + ", which waits in line " +
               std::to_string(program_->code[warps_[first].at()].line));
  const auto every = static_cast<std::uint32_t>((std::uint64_t{1} << warps_.size()) - 1);
  if (barrier.warps == every)
    clock.barrier();
  else
    clock.barrier_of_warps(barrier.warps);
  ++counts_.barriers;
  const std::uint32_t warps = barrier.warps;
  for (Warp& warp : warps_) {
    if (!(warps >> warp.index() & 1)) continue;
    store_reduction(warp, program_->code[warp.at()], {barrier.any, barrier.all, barrier.sum});
    warp.pass_barrier();
  }
  barrier = {};
}

void Block::fail(const Warp& warp, std::uint32_t lane, const std::string& what) const {
  const Instruction& instruction = program_->code[warp.at()];
  throw Error("kernel " + readable_name(program_->name) + ", block " + std::to_string(block_) + ", thread " +
              std::to_string(warp.index() * 32 + lane) + ", PTX line " + std::to_string(instruction.line) + " (" +
              program_->text[warp.at()] + "): " + what);
}

void Block::fail_waiting() const {
  std::string finished;
  const Warp* waiting = nullptr;
  for (const Warp& warp : warps_) {
    if (!warp.finished())
      waiting = waiting ? waiting : &warp;
    else
      finished += (finished.empty() ? " " : ", ") + std::to_string(warp.index());
  }
  fail(*waiting, 0,
       "waits at a barrier that other threads never reach" +
           (finished.empty() ? "; they wait elsewhere" : "; gone are all or some of warps" + finished));
}

/// Sectors are counted once for each warp instruction that touches them.
void Block::count_global(const std::uint64_t* addresses, std::uint32_t lanes) {
  std::array<std::uint64_t, 64> seen;
  std::uint32_t count = 0;
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    const std::uint64_t sector = addresses[lane] / 32;  // an aligned access of at most 16 bytes lies in one
    bool known = false;
    for (std::uint32_t i = count; i-- > 0 && !known;) known = seen[i] == sector;
    if (known) continue;
    seen[count++] = sector;
    std::uint32_t& mark = memory_->sector_mark(sector * 32);
    counts_.distinct_sectors += mark != launch_mark_;
    mark = launch_mark_;
    counts_.missing_sectors += !cache_->touch(sector * 32);
  }
  counts_.global_sectors += count;
}

}  // namespace llsa::ptx
