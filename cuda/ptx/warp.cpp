#include "cuda/ptx/warp.hpp"

#include <algorithm>
#include <bit>

#include "cuda/ptx/block.hpp"
#include "cuda/ptx/error.hpp"

namespace llsa::ptx {

void Warp::begin(Block& block, std::uint32_t index, std::uint32_t present, std::byte* registers,
                 std::uint32_t* predicates) {
  block_ = &block;
  index_ = index;
  present_ = alive_ = present;
  registers_ = registers;
  predicates_ = predicates;
  at_ = 0;
  at_barrier_ = false;
  groups_[0] = {0, present, false};
  count_ = 1;
  copies.clear();
  commits.fill(0);
}

void Warp::drop_empty() {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count_; ++i)
    if (groups_[i].lanes) groups_[kept++] = groups_[i];
  count_ = kept;
}

Warp::Group* Warp::next_group(std::uint32_t& limit) {
  if (count_ == 1 && groups_[0].lanes) return groups_[0].waiting ? nullptr : &groups_[0];
  Group* best = nullptr;
  for (std::uint32_t i = 0; i < count_; ++i) {
    Group& group = groups_[i];
    if (!group.lanes || group.waiting) continue;
    if (best && group.pc == best->pc) {
      best->lanes |= group.lanes;
      group.lanes = 0;
    } else if (!best || group.pc < best->pc) {
      best = &group;
    }
  }
  if (!best) {
    drop_empty();
    return nullptr;
  }
  const std::uint32_t pc = best->pc;
  drop_empty();
  limit = 0xffffffffu;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (groups_[i].waiting) continue;
    if (groups_[i].pc == pc)
      best = &groups_[i];
    else
      limit = std::min(limit, groups_[i].pc);
  }
  return best;
}

void Warp::split(Group& group, std::uint32_t leaving, std::uint32_t pc) {
  group.lanes &= ~leaving;
  groups_[count_++] = {pc, leaving, false};
}

/// A shuffle, vote or warp barrier that `active` lanes have come to. True when it is done and they go on.
bool Warp::meet_members(Group& group, const Instruction& instruction, std::uint32_t active) {
  // Lanes that waited here for these.
  for (std::uint32_t i = 0; i < count_; ++i) {
    Group& other = groups_[i];
    if (&other == &group || !other.waiting || other.pc != group.pc) continue;
    active |= other.lanes;
    other.lanes = 0;
  }
  group.lanes = active;
  const std::uint32_t* masks = cells<std::uint32_t>(instruction.slot[13]);
  for (std::uint32_t rest = active; rest;) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    const std::uint32_t mask = masks[lane];
    if (!(mask >> lane & 1)) throw Fault{"executes an instruction whose member mask leaves its own lane out", lane};
    std::uint32_t same = 0;
    for (std::uint32_t r = rest; r; r &= r - 1) {
      const auto l = static_cast<std::uint32_t>(std::countr_zero(r));
      if (masks[l] == mask) same |= 1u << l;
    }
    if ((mask & alive_) & ~same) {
      group.waiting = true;
      return false;
    }
    rest &= ~same;
  }
  for (std::uint32_t rest = active; rest;) {
    const std::uint32_t mask = masks[std::countr_zero(rest)];
    std::uint32_t same = rest & mask;
    if (instruction.flow == Flow::warp_barrier)
      block_->clock.barrier_of_lanes(index_, same, same == alive_);
    else
      instruction.execute(*this, instruction, same);
    rest &= ~same;
  }
  group.waiting = false;
  return true;
}

/// bar.warp.sync may be met at different places. True when some lanes go on.
bool Warp::release_warp_barriers() {
  const Program& program = block_->program();
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (!groups_[i].waiting || program.code[groups_[i].pc].flow != Flow::warp_barrier) continue;
    const auto mask_of = [&](const Group& group) {
      return cells<std::uint32_t>(program.code[group.pc].slot[13])[std::countr_zero(group.lanes)];
    };
    const std::uint32_t mask = mask_of(groups_[i]);
    std::uint32_t together = 0;
    for (std::uint32_t j = 0; j < count_; ++j)
      if (groups_[j].waiting && program.code[groups_[j].pc].flow == Flow::warp_barrier && mask_of(groups_[j]) == mask)
        together |= groups_[j].lanes;
    if ((mask & alive_) & ~together) continue;
    block_->clock.barrier_of_lanes(index_, together, together == alive_);
    for (std::uint32_t j = 0; j < count_; ++j)
      if (groups_[j].waiting && (groups_[j].lanes & together)) groups_[j].waiting = false, ++groups_[j].pc;
    return true;
  }
  // Shuffles and votes that waited for lanes which have left since.
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Instruction& instruction = program.code[groups_[i].pc];
    if (!groups_[i].waiting || instruction.flow != Flow::members) continue;
    at_ = groups_[i].pc;
    if (meet_members(groups_[i], instruction, groups_[i].lanes)) return ++groups_[i].pc, true;
  }
  return false;
}

void Warp::pass_barrier() {
  at_barrier_ = false;
  groups_[0].waiting = false;
  ++groups_[0].pc;
}

Warp::Pause Warp::run(std::uint64_t budget) {
  const Instruction* const code = block_->program().code.data();
  std::uint64_t* const executed = block_->executed();
  for (;;) {
    std::uint32_t limit = 0xffffffffu;
    Group* group = next_group(limit);
    if (!group) {
      if (alive_ == 0) return Pause::finished;
      if (release_warp_barriers()) continue;
      at_ = groups_[0].pc;
      const Instruction& here = code[at_];
      if (count_ == 1 && here.flow == Flow::barrier && groups_[0].lanes == alive_) {
        at_barrier_ = true;
        return Pause::barrier;
      }
      throw Fault{here.flow == Flow::members || here.flow == Flow::warp_barrier
                      ? "waits for lanes that never come"
                      : "only some of the warp's lanes reach an instruction that all must execute together",
                  static_cast<std::uint32_t>(std::countr_zero(groups_[0].lanes))};
    }
    std::uint32_t pc = group->pc;
    std::uint32_t lanes = group->lanes;
    bool regroup = false;
    while (pc < limit && !regroup) {
      const Instruction& instruction = code[pc];
      at_ = pc;
      ++executed[pc];
      const std::uint32_t active =
          lanes & (predicates_[instruction.guard] ^ (instruction.guard_negated ? all_lanes : 0));
      if (instruction.flow == Flow::next) {
        if (active) instruction.execute(*this, instruction, active);
        ++pc;
      } else if (active == 0) {
        ++pc;
      } else if (instruction.flow == Flow::branch) {
        if (active == lanes) {
          pc = instruction.target;
        } else {
          ++block_->counts().divergent_branches;
          split(*group, active, instruction.target);
          ++pc;
          regroup = true;
        }
      } else {
        if (active != lanes) split(*group, lanes & ~active, pc + 1);
        group->lanes = lanes = active;
        group->pc = pc;
        regroup = true;
        if (instruction.flow == Flow::leave) {
          alive_ &= ~active;
          group->lanes = 0;
        } else if (instruction.flow == Flow::members || instruction.flow == Flow::warp_barrier) {
          if (meet_members(*group, instruction, active)) ++pc;
          regroup = count_ > 1 || group->waiting;
          lanes = group->lanes;
        } else {
          // All of the warp, or of what is left of it at a barrier of the block.
          for (std::uint32_t i = 0; i < count_; ++i) {
            Group& other = groups_[i];
            if (&other == group || !other.waiting || other.pc != pc) continue;
            group->lanes |= other.lanes;
            other.lanes = 0;
          }
          lanes = group->lanes;
          if (instruction.flow == Flow::aligned && lanes == all_lanes) {
            instruction.execute(*this, instruction, lanes);
            ++pc;
            regroup = count_ > 1;
          } else {
            group->waiting = true;
          }
        }
      }
      if (--budget == 0 && !group->waiting) {
        group->pc = pc;
        return Pause::turn;
      }
    }
    if (!group->waiting) group->pc = pc;
  }
}

}  // namespace llsa::ptx
