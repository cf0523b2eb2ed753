#include "datasets/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "../files/support.hpp"
#include "../files/tensor_generators.hpp"

namespace llsa::datasets {
namespace {

using namespace files::testing;
using files::square;

/// Items that say which they are; those in `bad` cannot be read, and `busy` counts how many are read at once.
class Numbers final : public Dataset {
 public:
  explicit Numbers(std::int64_t size, std::set<std::int64_t> bad = {}) : size_(size), bad_(std::move(bad)) {}
  std::int64_t size() const override { return size_; }
  std::string source(std::int64_t index) const override { return std::to_string(index); }
  mutable std::atomic<int> reads{0};

 private:
  Sample load(std::int64_t index, const files::PictureExtent& extent) const override {
    ++reads;
    // Later items are quicker, so that they are ready in another order than asked for.
    std::this_thread::sleep_for(std::chrono::microseconds((37 * index) % 5 * 100));
    if (bad_.contains(index)) throw Error("item " + std::to_string(index) + " is bad");
    return {{files::Image(int(extent.width), int(extent.height))}, static_cast<int>(index)};
  }

  std::int64_t size_;
  std::set<std::int64_t> bad_;
};

std::int64_t in_turn(std::uint64_t position) { return static_cast<std::int64_t>(position % 10); }

RC_GTEST_PROP(ShuffledOrder, every_epoch_holds_every_item_once, ()) {
  const auto size = *rc::gen::inRange<std::int64_t>(1, 300);
  const auto epoch = *rc::gen::inRange<std::uint64_t>(0, 1000);
  const ShuffledOrder order(size, *rc::gen::arbitrary<std::uint64_t>());
  std::set<std::int64_t> seen;
  for (std::int64_t i = 0; i < size; ++i)
    seen.insert(order(epoch * static_cast<std::uint64_t>(size) + static_cast<std::uint64_t>(i)));
  RC_ASSERT(seen.size() == static_cast<std::size_t>(size));
  RC_ASSERT(*seen.begin() == 0 && *seen.rbegin() == size - 1);
}

TEST(ShuffledOrder, epochs_and_seeds_differ_and_neighbours_do_not_stay_together) {
  const ShuffledOrder order(1000, 1), other(1000, 2);
  int same_place = 0, same_as_other = 0, still_neighbours = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    same_place += order(i) == order(1000 + i);
    same_as_other += order(i) == other(i);
    still_neighbours += order(i + 1) == order(i) + 1;
  }
  EXPECT_LT(same_place, 10);
  EXPECT_LT(same_as_other, 10);
  EXPECT_LT(still_neighbours, 10);
  EXPECT_EQ(order(123456789), ShuffledOrder(1000, 1)(123456789));
  EXPECT_EQ(error_of([] { ShuffledOrder(0, 1); }), "an order of 0 items; there must be at least 1");
}

TEST(Loader, the_order_is_the_same_for_any_number_of_threads_and_any_prefetch) {
  const Numbers numbers(10);
  for (const int threads : {1, 2, 5})
    for (const int prefetch : {1, 3, 16}) {
      Loader loader(numbers, {.extent = square(2), .threads = threads, .prefetch = prefetch, .first = 7}, in_turn,
                    nullptr);
      for (std::uint64_t position = 7; position < 47; ++position) {
        const LoadedItem item = loader.next();
        ASSERT_EQ(item.position, position);
        ASSERT_EQ(item.index, in_turn(position));
        ASSERT_EQ(item.sample.label, in_turn(position));
        ASSERT_EQ(item.sample.image().width, 2);
      }
    }
}

TEST(Loader, no_more_than_the_prefetch_is_read_ahead) {
  const Numbers numbers(10);
  Loader loader(numbers, {.extent = square(2), .threads = 3, .prefetch = 4}, in_turn, nullptr);
  loader.next();
  for (int wait = 0; wait < 200 && numbers.reads < 5; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(numbers.reads, 5);
}

TEST(Loader, an_unreadable_item_is_reported_once_and_skipped) {
  const Numbers numbers(10, {2, 3, 9});
  std::vector<std::string> reports;
  Loader loader(numbers, {.extent = square(2), .threads = 3, .prefetch = 4}, in_turn,
                [&](const std::string& message) { reports.push_back(message); });
  std::vector<std::int64_t> seen;
  for (int i = 0; i < 14; ++i) seen.push_back(loader.next().index);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 1, 4, 5, 6, 7, 8, 0, 1, 4, 5, 6, 7, 8}));
  EXPECT_EQ(reports, (std::vector<std::string>{"item 2 is bad", "item 3 is bad", "item 9 is bad"}));
}

TEST(Loader, when_nothing_can_be_read_it_ends_with_an_error) {
  const Numbers numbers(3, {0, 1, 2});
  std::vector<std::string> reports;
  Loader loader(numbers, {.extent = square(2)}, ShuffledOrder(3, 1),
                [&](const std::string& message) { reports.push_back(message); });
  EXPECT_EQ(error_of([&] { loader.next(); }), "none of the 3 pictures of the data set can be read");
  EXPECT_EQ(reports.size(), 3u);
}

TEST(Loader, what_the_order_throws_reaches_the_caller_in_its_place) {
  const Numbers numbers(10);
  Loader loader(
      numbers, {.extent = square(2), .threads = 2, .prefetch = 8},
      [](std::uint64_t position) -> std::int64_t {
        if (position == 3) throw std::logic_error("no more");
        return static_cast<std::int64_t>(position);
      },
      nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(loader.next().index, i);
  EXPECT_THROW(loader.next(), std::logic_error);
  EXPECT_THROW(loader.next(), std::logic_error);
  Loader beyond(
      numbers, {.extent = square(2)}, [](std::uint64_t) { return std::int64_t{10}; }, nullptr);
  EXPECT_EQ(error_of([&] { beyond.next(); }), "loader: the order gave item 10 at position 0; it must be 0 to 9");
}

TEST(Loader, it_stops_at_once_when_it_goes_out_of_scope) {
  const Numbers numbers(10);
  for (int i = 0; i < 50; ++i) Loader(numbers, {.extent = square(2), .threads = 4, .prefetch = 2}, in_turn, nullptr);
}

TEST(Loader, options_below_one_are_refused) {
  const Numbers numbers(1);
  const auto refusal = [&](LoaderOptions options) {
    return error_of([&] { Loader(numbers, options, in_turn, nullptr); });
  };
  EXPECT_EQ(refusal({.extent = square(0)}), "a data set of 0 x 0 pixels; every extent must be at least 1");
  EXPECT_EQ(refusal({.threads = 0}), "loader: threads is 0; it must be at least 1");
  EXPECT_EQ(refusal({.prefetch = -1}), "loader: prefetch is -1; it must be at least 1");
}

}  // namespace
}  // namespace llsa::datasets
