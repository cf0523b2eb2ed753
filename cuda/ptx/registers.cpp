#include "cuda/ptx/registers.hpp"

#include <algorithm>
#include <map>

#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

/// A run of instructions that is entered at its beginning only.
struct Run {
  std::uint32_t begin = 0, end = 0;
  std::vector<std::uint32_t> next;
};

std::vector<Run> flow_graph(const std::vector<Instruction>& code) {
  std::vector<bool> begins(code.size() + 1, false);
  begins[0] = true;
  for (std::uint32_t i = 0; i < code.size(); ++i) {
    if (code[i].flow == Flow::branch) begins[code[i].target] = begins[i + 1] = true;
    if (code[i].flow == Flow::leave) begins[i + 1] = true;
  }
  std::vector<Run> runs;
  std::vector<std::uint32_t> run_of(code.size() + 1, 0);
  for (std::uint32_t i = 0; i < code.size(); ++i) {
    if (begins[i]) runs.push_back({i, i, {}});
    run_of[i] = static_cast<std::uint32_t>(runs.size() - 1);
    runs.back().end = i + 1;
  }
  for (Run& run : runs) {
    const Instruction& last = code[run.end - 1];
    const bool always = last.guard == 1;
    if (last.flow == Flow::branch) run.next.push_back(run_of[last.target]);
    if (!(always && (last.flow == Flow::branch || last.flow == Flow::leave)) && run.end < code.size())
      run.next.push_back(run_of[run.end]);
  }
  return runs;
}

using Set = std::vector<std::uint64_t>;
bool contains(const Set& set, std::uint32_t x) { return set[x / 64] >> x % 64 & 1; }
void insert(Set& set, std::uint32_t x) { set[x / 64] |= std::uint64_t{1} << x % 64; }

struct Interval {
  std::uint32_t reg = 0, begin = 0xffffffffu, end = 0;
  void cover(std::uint32_t at) { begin = std::min(begin, at), end = std::max(end, at); }
};

std::vector<Interval> live_intervals(const Program& program, std::size_t registers,
                                     std::span<const Reference> references) {
  const std::vector<Run> runs = flow_graph(program.code);
  const std::size_t words = registers / 64 + 1;
  std::vector<Set> reads(runs.size(), Set(words)), writes(reads), in(reads), out(reads);
  std::vector<Interval> intervals(registers);
  for (std::uint32_t r = 0; r < registers; ++r) intervals[r].reg = r;
  std::size_t at = 0;  // references come in the order of instructions
  for (std::size_t r = 0; r < runs.size(); ++r) {
    while (at < references.size() && references[at].instruction < runs[r].end) {
      const std::uint32_t instruction = references[at].instruction;
      std::size_t end = at;
      while (end < references.size() && references[end].instruction == instruction) ++end;
      // A guard leaves some lanes' destinations as they were: that is a read, too.
      const bool guarded = std::any_of(references.begin() + static_cast<std::ptrdiff_t>(at),
                                       references.begin() + static_cast<std::ptrdiff_t>(end),
                                       [](const Reference& x) { return x.position == 14; });
      for (std::size_t k = at; k < end; ++k)
        if ((!references[k].defines || guarded) && !contains(writes[r], references[k].reg))
          insert(reads[r], references[k].reg);
      for (std::size_t k = at; k < end; ++k) {
        if (references[k].defines && !guarded) insert(writes[r], references[k].reg);
        intervals[references[k].reg].cover(instruction);
      }
      at = end;
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t r = runs.size(); r-- > 0;) {
      for (const std::uint32_t next : runs[r].next)
        for (std::size_t w = 0; w < words; ++w) out[r][w] |= in[next][w];
      for (std::size_t w = 0; w < words; ++w) {
        const std::uint64_t value = reads[r][w] | (out[r][w] & ~writes[r][w]);
        changed |= value != in[r][w];
        in[r][w] = value;
      }
    }
  }
  for (std::size_t r = 0; r < runs.size(); ++r)
    for (std::uint32_t reg = 0; reg < registers; ++reg) {
      if (contains(in[r], reg)) intervals[reg].cover(runs[r].begin);
      if (contains(out[r], reg)) intervals[reg].cover(runs[r].end - 1);
    }
  return intervals;
}

/// Places of one kind; a place is free again behind its interval's last instruction.
class Pool {
 public:
  std::uint32_t take(const Interval& interval) {
    while (!busy_.empty() && busy_.begin()->first < interval.begin) {
      free_.push_back(busy_.begin()->second);
      busy_.erase(busy_.begin());
    }
    std::uint32_t place = count_;
    if (free_.empty())
      ++count_;
    else
      place = free_.back(), free_.pop_back();
    busy_.emplace(interval.end, place);
    return place;
  }
  std::uint32_t count() const { return count_; }

 private:
  std::uint32_t count_ = 0;
  std::multimap<std::uint32_t, std::uint32_t> busy_;
  std::vector<std::uint32_t> free_;
};

}  // namespace

void place_registers(Program& program, std::span<const Register> registers, std::span<const Reference> references,
                     std::span<const ConstantReference> constants) {
  std::vector<Interval> intervals = live_intervals(program, registers.size(), references);
  std::erase_if(intervals, [](const Interval& x) { return x.begin > x.end; });
  std::sort(intervals.begin(), intervals.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  Pool predicates, narrow, wide;
  std::vector<std::uint32_t> place(registers.size());
  for (const Interval& interval : intervals) {
    const std::uint32_t bytes = registers[interval.reg].bytes;
    place[interval.reg] = (bytes == 0 ? predicates : bytes == 8 ? wide : narrow).take(interval);
  }
  // 64-bit registers first, then 32-bit ones, then constants.
  program.predicates = 2 + predicates.count();
  program.slots = 2 * wide.count() + narrow.count();
  for (Constant& constant : program.constants) {
    constant.slot = static_cast<std::uint16_t>(program.slots);
    program.slots += constant.wide ? 2 : 1;
  }
  if (program.slots > 0xffff || program.predicates > 0xffff)
    throw Error("kernel " + program.name + " has too many registers");
  for (const Reference& reference : references) {
    const std::uint32_t bytes = registers[reference.reg].bytes, p = place[reference.reg];
    const std::uint32_t at = bytes == 0 ? 2 + p : bytes == 8 ? 2 * p : 2 * wide.count() + p;
    Instruction& instruction = program.code[reference.instruction];
    (reference.position == 14 ? instruction.guard : instruction.slot[reference.position]) =
        static_cast<std::uint16_t>(at);
  }
  for (const ConstantReference& reference : constants)
    program.code[reference.instruction].slot[reference.position] = program.constants[reference.constant].slot;
}

}  // namespace llsa::ptx
