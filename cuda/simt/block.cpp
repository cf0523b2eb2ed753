#include "cuda/simt/block.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "cuda/simt/sanitizers.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::simt {
namespace {

// AddressSanitizer sees accesses within the guards; without it writes are found when the block ends.
constexpr std::size_t guard_bytes = sanitized ? 64 * 1024 : 256;
constexpr std::size_t alignment = 1024;
constexpr std::byte fill{0xff}, guard{0xa5};

bool same_place(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string describe(const Dim3& d) {
  return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
}

std::string describe(const std::source_location& site) {
  const std::string file = site.file_name();
  return file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(site.line());
}

}  // namespace

Block::Block(const Execution& how, const Grid& grid, void (*body)(const void*), const void* params, StackArena& stacks)
    : how_(how),
      grid_(grid),
      body_(body),
      params_(params),
      random_(how.seed),
      shadow_(static_cast<unsigned>(grid.threads.size()), grid.shared_bytes) {
  const auto count = static_cast<std::size_t>(grid.threads.size());
  storage_.resize(guard_bytes + alignment + grid.shared_bytes + guard_bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(storage_.data() + guard_bytes);
  shared_ = storage_.data() + guard_bytes + (alignment - address % alignment) % alignment;
  stacks.reserve(count);
  threads_.resize(count);
  order_.resize(count);
  std::iota(order_.begin(), order_.end(), 0u);
  for (unsigned i = 0; i < count; ++i) {
    CudaThread& thread = threads_[i];
    thread.number = i;
    thread.index = {i % grid.threads.x, i / grid.threads.x % grid.threads.y, i / grid.threads.x / grid.threads.y};
    thread.stack = stacks.stack(i);
    thread.fiber = boost::context::fiber(
        std::allocator_arg, ArenaStack{thread.stack},
        [this, &thread](boost::context::fiber&& scheduler) { return live(thread, std::move(scheduler)); });
  }
}

Block::~Block() {
  quitting_ = true;
  for (CudaThread& thread : threads_) switch_to(thread);
  unpoison(storage_.data(), storage_.size());
}

boost::context::fiber Block::live(CudaThread& thread, boost::context::fiber&& scheduler) {
  scheduler_ = std::move(scheduler);
  enter_stack(nullptr, &scheduler_stack_, &scheduler_stack_bytes_);
  while (!quitting_) {
    thread.started = true;
    try {
      body_(params_);
    } catch (const Abort&) {
    } catch (...) {
      if (!failure_) failure_ = std::current_exception();
    }
    thread.state = State::finished;
    ++finished_;
    switch_to_scheduler();
  }
  leave_stack(nullptr, scheduler_stack_, scheduler_stack_bytes_);
  return std::move(scheduler_);
}

void Block::switch_to(CudaThread& thread) {
  current_ = &thread;
  void* kept = nullptr;
  leave_stack(&kept, static_cast<std::byte*>(thread.stack.sp) - thread.stack.size, thread.stack.size);
  thread.fiber = std::move(thread.fiber).resume();
  enter_stack(kept, nullptr, nullptr);
}

void Block::switch_to_scheduler() {
  void* kept = nullptr;
  leave_stack(&kept, scheduler_stack_, scheduler_stack_bytes_);
  scheduler_ = std::move(scheduler_).resume();
  enter_stack(kept, &scheduler_stack_, &scheduler_stack_bytes_);
}

void Block::wait(State state, const char* what, std::source_location site) {
  CudaThread& self = *current_;
  self.state = state;
  self.what = what;
  self.site = site;
  switch_to_scheduler();
  if (aborting_) throw Abort{};
}

void Block::arrange_order() {
  if (how_.order == Order::descending && order_.front() == 0) std::reverse(order_.begin(), order_.end());
  if (how_.order == Order::shuffled) std::shuffle(order_.begin(), order_.end(), random_);
}

void Block::run(Dim3 index) {
  index_ = index;
  guard_shared();
  shadow_.begin_block();
  finished_ = at_barrier_ = 0;
  votes_ = 0;
  meetings_.clear();
  for (CudaThread& thread : threads_) {
    thread.state = State::ready;
    thread.started = false;
  }
  while (finished_ < threads_.size()) {
    arrange_order();
    // In a shuffled order most warps are held back in every round, so that some run far ahead of others.
    const std::uint64_t held = how_.order == Order::shuffled ? random_() | random_() : 0;
    bool progress = false;
    for (const unsigned i : order_) {
      if (threads_[i].state != State::ready) continue;
      progress = true;
      if (held >> (i / 32) & 1u) continue;
      switch_to(threads_[i]);
      if (failure_) abandon();
    }
    if (!progress) {
      try {
        report_deadlock();
      } catch (...) {
        failure_ = std::current_exception();
      }
      abandon();
    }
  }
  check_guards();
}

void Block::abandon() {
  aborting_ = true;
  for (CudaThread& thread : threads_)
    if (thread.started && thread.state != State::finished) switch_to(thread);
  aborting_ = false;
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

int Block::barrier(bool predicate, std::source_location site) {
  for (const CudaThread& other : threads_)
    if (other.state == State::at_barrier) {
      if (!same_place(other.site, site))
        fail("divergent barrier: thread " + simt::describe(other.index) + " waits at " + simt::describe(other.site),
             site);
      break;
    }
  votes_ += predicate;
  if (++at_barrier_ < threads_.size()) {
    wait(State::at_barrier, "__syncthreads", site);
    return result_;
  }
  shadow_.barrier();
  result_ = votes_;
  votes_ = 0;
  at_barrier_ = 0;
  for (CudaThread& thread : threads_)
    if (thread.state == State::at_barrier) thread.state = State::ready;
  return result_;
}

void Block::rendezvous(const char* what, unsigned mask, void* payload, WarpApply apply, void* context,
                       std::source_location site) {
  CudaThread& self = *current_;
  const unsigned lane = self.number % 32, first = self.number - lane;
  if (!(mask >> lane & 1u)) fail(std::string(what) + " is called by a lane that its mask leaves out", site);
  const unsigned last = 31u - static_cast<unsigned>(std::countl_zero(mask));
  if (first + last >= threads_.size())
    fail(std::string(what) + " names lane " + std::to_string(last) + ", which the block does not have", site);
  auto meeting = std::find_if(meetings_.begin(), meetings_.end(),
                              [&](const Meeting& m) { return m.mask == mask && m.warp == first / 32; });
  if (meeting == meetings_.end())
    meeting = meetings_.insert(meetings_.end(), {.warp = first / 32, .mask = mask, .what = what, .site = site});
  if (!same_place(meeting->site, site) || (meeting->what != what && std::strcmp(meeting->what, what) != 0))
    fail(std::string("divergent warp operation: ") + what + " meets lanes of its mask that wait in " + meeting->what +
             " at " + simt::describe(meeting->site),
         site);
  meeting->payloads[lane] = payload;
  meeting->arrived |= 1u << lane;
  if (meeting->arrived != mask) {
    self.mask = mask;
    return wait(State::at_warp, what, site);
  }
  apply(context, meeting->payloads);
  meetings_.erase(meeting);
  for (unsigned rest = mask & ~(1u << lane); rest != 0; rest &= rest - 1)
    threads_[first + static_cast<unsigned>(std::countr_zero(rest))].state = State::ready;
}

std::size_t Block::shared_offset(const void* shared, std::source_location site) const {
  const auto* address = static_cast<const std::byte*>(shared);
  if (address < shared_ || address + 8 > shared_ + grid_.shared_bytes)
    fail("an instruction that takes shared memory is given another address", site);
  return static_cast<std::size_t>(address - shared_);
}

void Block::require(const char* who, const std::string& wrong, std::source_location site) const {
  if (!wrong.empty()) fail(std::string(who) + " " + wrong, site);
}

void Block::copy_begins(const void* shared, std::source_location site) {
  require("cp.async", shadow_.copy_begins(shared_offset(shared, site), current_->number), site);
}

void Block::copy_lands(const void* shared) {
  shadow_.copy_lands(static_cast<std::size_t>(static_cast<const std::byte*>(shared) - shared_), current_->number);
}

void Block::stores(const void* shared, std::source_location site) {
  require("a store", shadow_.store(shared_offset(shared, site), current_->number), site);
}

void Block::warp_reads(const void* shared, std::source_location site) {
  require("ldmatrix", shadow_.warp_reads(shared_offset(shared, site), current_->number / 32), site);
}

void Block::warp_synchronized(unsigned mask) {
  const unsigned warp = current_->number / 32;
  const auto lanes = static_cast<unsigned>(threads_.size()) - 32 * warp;
  const unsigned all = lanes >= 32 ? 0xffffffffu : (1u << lanes) - 1;
  if ((mask & all) == all) shadow_.warp_sync(warp);
}

void Block::guard_shared() {
  unpoison(storage_.data(), storage_.size());
  std::fill(storage_.begin(), storage_.end(), guard);
  std::fill_n(shared_, grid_.shared_bytes, fill);
  poison(storage_.data(), static_cast<std::size_t>(shared_ - storage_.data()));
  poison(shared_ + grid_.shared_bytes,
         static_cast<std::size_t>(storage_.data() + storage_.size() - shared_) - grid_.shared_bytes);
}

void Block::check_guards() const {
  unpoison(const_cast<std::byte*>(storage_.data()), storage_.size());
  const auto intact = [](const std::byte* begin, const std::byte* end) {
    return std::all_of(begin, end, [](std::byte b) { return b == guard; });
  };
  if (!intact(storage_.data(), shared_) || !intact(shared_ + grid_.shared_bytes, storage_.data() + storage_.size()))
    throw Error("kernel " + std::string(grid_.kernel) + ", block " + simt::describe(index_) + ": a write outside the " +
                std::to_string(grid_.shared_bytes) + " bytes of shared memory");
}

std::string Block::describe(const CudaThread& thread) const {
  const std::string name = "thread " + simt::describe(thread.index);
  if (thread.state == State::finished) return name + " has returned";
  std::string text = name + " waits in " + thread.what + " at " + simt::describe(thread.site);
  if (thread.state == State::at_warp) {
    char mask[16];
    std::snprintf(mask, sizeof mask, "0x%08x", thread.mask);
    text += std::string(" with mask ") + mask;
  }
  return text;
}

void Block::report_deadlock() const {
  const CudaThread& first =
      *std::find_if(threads_.begin(), threads_.end(), [](const CudaThread& t) { return t.state != State::finished; });
  std::string text =
      "kernel " + std::string(grid_.kernel) + ", block " + simt::describe(index_) + ": deadlock: " + describe(first);
  for (const CudaThread& other : threads_) {
    const bool awaited = first.state == State::at_barrier ||
                         (other.number / 32 == first.number / 32 && first.mask >> other.number % 32 & 1u);
    if (awaited && (other.state != first.state || !same_place(other.site, first.site) || other.mask != first.mask)) {
      text += "; " + describe(other);
      break;
    }
  }
  throw Error(text);
}

void Block::fail(const std::string& what, std::source_location site) const {
  throw Error("kernel " + std::string(grid_.kernel) + ", block " + simt::describe(index_) + ", thread " +
              simt::describe(current_->index) + ", " + simt::describe(site) + ": " + what);
}

}  // namespace llsa::cuda::simt
