#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "datasets/dataset.hpp"

namespace llsa::datasets {

/// An endless sequence of items in which each epoch (`size` positions) is a permutation of all of them. A pure function
/// of its arguments at any position, so that a run resumes anywhere without replaying what came before.
class ShuffledOrder {
 public:
  /// Throws `Error` when `size` is below 1.
  ShuffledOrder(std::int64_t size, std::uint64_t seed);
  std::int64_t operator()(std::uint64_t position) const;

 private:
  std::uint64_t size_, seed_;
  int half_bits_;
};

struct LoaderOptions {
  files::PictureExtent extent = files::square(32);
  int threads = 2;          ///< that decode, besides the caller's
  int prefetch = 128;       ///< pictures held ready at most
  std::uint64_t first = 0;  ///< position to begin at
};

struct LoadedItem {
  std::uint64_t position = 0;
  std::int64_t index = 0;
  Sample sample;
};

/// Decodes pictures in background threads and hands them out in the order of their positions, whatever the number of
/// threads. An unreadable picture is reported once and skipped.
class Loader {
 public:
  /// The item at a position. Called for increasing positions, one call at a time, from a background thread.
  using Order = std::function<std::int64_t(std::uint64_t position)>;
  /// Takes one line on an unreadable picture. Called from `next`.
  using Report = std::function<void(const std::string& message)>;

  /// `dataset` must outlive the loader. Throws `Error` when an option is below 1, and as
  /// `Dataset::expect_possible`.
  Loader(const Dataset& dataset, LoaderOptions options, Order order, Report report);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next readable picture, for one caller at a time. Throws `Error` when twice as many in a row as there are in
  /// the set were unreadable, and passes on what `order` throws.
  LoadedItem next();

 private:
  struct Slot {
    LoadedItem item;
    std::string unreadable;      ///< why, or empty
    std::exception_ptr failure;  ///< what ends the sequence
    bool ready = false;
  };

  void work(std::stop_token stop);
  void load(Slot& slot) const;

  const Dataset& dataset_;
  LoaderOptions options_;
  Order order_;
  Report report_;
  std::mutex mutex_;
  std::condition_variable_any slot_free_;
  std::condition_variable slot_ready_;
  std::vector<Slot> slots_;             ///< position p waits in slot p % prefetch
  std::uint64_t claimed_, handed_out_;  ///< positions; claimed_ - handed_out_ <= prefetch
  std::set<std::int64_t> reported_;
  std::vector<std::jthread> threads_;  ///< the last member: stopped and joined before the others go
};

}  // namespace llsa::datasets
