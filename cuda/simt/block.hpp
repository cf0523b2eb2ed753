#pragma once

#include <boost/context/fiber.hpp>
#include <exception>
#include <random>
#include <string>
#include <vector>

#include "cuda/simt/executor.hpp"
#include "cuda/simt/shared_shadow.hpp"
#include "cuda/simt/stack_arena.hpp"

namespace llsa::cuda::simt {

enum class State { ready, at_barrier, at_warp, finished };

/// One CUDA thread: its fiber, and what it waits for.
struct CudaThread {
  boost::context::fiber fiber;
  boost::context::stack_context stack;
  Dim3 index;
  unsigned number = 0;
  State state = State::finished;
  bool started = false;
  // Valid while waiting.
  const char* what = "";
  std::source_location site;
  unsigned mask = 0;
};

/// Lanes of one warp on their way to the same warp operation.
struct Meeting {
  unsigned warp = 0, mask = 0, arrived = 0;
  const char* what = "";
  std::source_location site;
  void* payloads[32] = {};
};

/// Runs blocks one after the other on the calling thread of the operating system. The fibers live as long as the
/// object.
class Block {
 public:
  Block(const Execution& how, const Grid& grid, void (*body)(const void*), const void* params, StackArena& stacks);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void run(Dim3 index);

  int barrier(bool predicate, std::source_location site);
  void rendezvous(const char* what, unsigned mask, void* payload, WarpApply apply, void* context,
                  std::source_location site);
  [[noreturn]] void fail(const std::string& what, std::source_location site) const;

  void copy_begins(const void* shared, std::source_location site);
  void copy_lands(const void* shared);
  void stores(const void* shared, std::source_location site);
  void warp_reads(const void* shared, std::source_location site);
  void warp_synchronized(unsigned mask);

  const Grid& grid() const { return grid_; }
  const Dim3& index() const { return index_; }
  CudaThread& current() const { return *current_; }
  std::byte* shared() const { return shared_; }

 private:
  struct Abort {};  // unwinds the threads of a block in which one has failed

  boost::context::fiber live(CudaThread& thread, boost::context::fiber&& scheduler);
  void switch_to(CudaThread& thread);
  void switch_to_scheduler();
  void wait(State state, const char* what, std::source_location site);
  void abandon();
  void arrange_order();
  void guard_shared();
  void check_guards() const;
  [[noreturn]] void report_deadlock() const;
  std::string describe(const CudaThread& thread) const;
  std::size_t shared_offset(const void* shared, std::source_location site) const;
  void require(const char* who, const std::string& wrong, std::source_location site) const;

  const Execution how_;
  const Grid grid_;
  void (*body_)(const void*);
  const void* params_;
  std::vector<CudaThread> threads_;
  std::vector<unsigned> order_;
  std::mt19937_64 random_;
  std::vector<std::byte> storage_;
  std::byte* shared_ = nullptr;
  SharedShadow shadow_;

  boost::context::fiber scheduler_;
  const void* scheduler_stack_ = nullptr;
  std::size_t scheduler_stack_bytes_ = 0;

  Dim3 index_;
  CudaThread* current_ = nullptr;
  unsigned finished_ = 0, at_barrier_ = 0;
  int votes_ = 0, result_ = 0;
  std::vector<Meeting> meetings_;
  bool aborting_ = false, quitting_ = false;
  std::exception_ptr failure_;
};

}  // namespace llsa::cuda::simt
