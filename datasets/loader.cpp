#include "datasets/loader.hpp"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "datasets/random.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {

ShuffledOrder::ShuffledOrder(std::int64_t size, std::uint64_t seed)
    : size_(static_cast<std::uint64_t>(size)), seed_(seed) {
  if (size < 1) throw Error(fmt::format("an order of {} items; there must be at least 1", size));
  half_bits_ = (std::bit_width(size_ - 1) + 1) / 2;
}

std::int64_t ShuffledOrder::operator()(std::uint64_t position) const {
  // A Feistel network permutes the numbers of 2 * half_bits_ bits, fewer than 4 * size; walking on from those that are
  // out of range permutes the ones within.
  const std::uint64_t key = mix(seed_, position / size_), mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t x = position % size_;
  do {
    std::uint64_t left = x >> half_bits_, right = x & mask;
    for (std::uint64_t round = 0; round < 6; ++round) {
      left ^= mix(key + round, right) & mask;
      std::swap(left, right);
    }
    x = left << half_bits_ | right;
  } while (x >= size_);
  return static_cast<std::int64_t>(x);
}

Loader::Loader(const Dataset& dataset, LoaderOptions options, Order order, Report report)
    : dataset_(dataset),
      options_(options),
      order_(std::move(order)),
      report_(std::move(report)),
      claimed_(options.first),
      handed_out_(options.first) {
  for (const auto& [name, value] : {std::pair("threads", options.threads), {"prefetch", options.prefetch}})
    if (value < 1) throw Error(fmt::format("loader: {} is {}; it must be at least 1", name, value));
  dataset.expect_possible(options.extent);
  slots_.resize(static_cast<std::size_t>(options.prefetch));
  for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this](std::stop_token stop) { work(stop); });
}

void Loader::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (slot_free_.wait(lock, stop, [&] { return claimed_ - handed_out_ < slots_.size(); }) &&
         !stop.stop_requested()) {
    Slot& slot = slots_[claimed_ % slots_.size()];
    slot = {};
    slot.item.position = claimed_++;
    try {
      slot.item.index = order_(slot.item.position);
      if (slot.item.index < 0 || slot.item.index >= dataset_.size())
        throw Error(fmt::format("loader: the order gave item {} at position {}; it must be 0 to {}", slot.item.index,
                                slot.item.position, dataset_.size() - 1));
    } catch (...) {
      slot.failure = std::current_exception();
    }
    if (!slot.failure) {
      lock.unlock();
      load(slot);
      lock.lock();
    }
    slot.ready = true;
    slot_ready_.notify_one();
  }
}

void Loader::load(Slot& slot) const {
  try {
    slot.item.sample = dataset_.item(slot.item.index, options_.extent);
  } catch (const Error& error) {
    slot.unreadable = error.what();
  } catch (...) {
    slot.failure = std::current_exception();
  }
}

LoadedItem Loader::next() {
  const auto most_failures = 2 * static_cast<std::uint64_t>(dataset_.size());
  for (std::uint64_t failures = 0; failures < most_failures; ++failures) {
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[handed_out_ % slots_.size()];
    slot_ready_.wait(lock, [&] { return slot.ready; });
    if (slot.failure) std::rethrow_exception(slot.failure);  // stays in its slot: every later call fails alike
    slot.ready = false;
    Slot taken = std::move(slot);
    ++handed_out_;
    lock.unlock();
    slot_free_.notify_one();
    if (taken.unreadable.empty()) return std::move(taken.item);
    if (report_ && reported_.insert(taken.item.index).second) report_(taken.unreadable);
  }
  throw Error(fmt::format("none of the {} pictures of the data set can be read", dataset_.size()));
}

}  // namespace llsa::datasets
