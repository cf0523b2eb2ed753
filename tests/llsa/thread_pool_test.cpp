#include "llsa/thread_pool.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "reference/attention.hpp"
#include "support/check.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

TEST(ThreadPool, does_every_item_once_whatever_the_number_of_threads) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t items : {0, 1, 2, 5, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(items));
      pool.parallel_for(items, [&](std::int64_t item, int worker) {
        EXPECT_TRUE(worker >= 0 && worker < threads);
        ++done[static_cast<std::size_t>(item)];
      });
      for (const auto& times : done) EXPECT_EQ(times, 1);
    }
  }
}

TEST(ThreadPool, zero_threads_means_every_core) { EXPECT_GE(ThreadPool(0).threads(), 1); }

TEST(ThreadPool, no_two_items_share_a_worker_at_a_time) {
  ThreadPool pool(3);
  std::vector<std::atomic<bool>> busy(3);
  pool.parallel_for(200, [&](std::int64_t, int worker) {
    EXPECT_FALSE(busy[static_cast<std::size_t>(worker)].exchange(true));
    std::this_thread::yield();
    busy[static_cast<std::size_t>(worker)] = false;
  });
}

TEST(ThreadPool, an_exception_stops_the_rest_reaches_the_caller_and_leaves_the_pool_usable) {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  expect_error("item 3", [&] {
    pool.parallel_for(100000, [&](std::int64_t item, int) {
      if (item == 3) throw Error("item 3");
      ++done;
    });
  });
  EXPECT_LT(done, 99999);
  done = 0;
  pool.parallel_for(10, [&](std::int64_t, int) { ++done; });
  EXPECT_EQ(done, 10);
}

TEST(ThreadPool, a_requested_stop_cancels_between_items) {
  ThreadPool pool(2);
  std::stop_source source;
  pool.set_stop_token(source.get_token());
  std::atomic<int> done{0};
  pool.parallel_for(5, [&](std::int64_t, int) { ++done; });
  EXPECT_EQ(done, 5);
  EXPECT_THROW(pool.parallel_for(100000,
                                 [&](std::int64_t item, int) {
                                   if (item == 10) source.request_stop();
                                   ++done;
                                 }),
               Cancelled);
  EXPECT_LT(done, 100000);
  EXPECT_THROW(pool.parallel_for(1, [](std::int64_t, int) {}), Cancelled);
  pool.set_stop_token({});
  pool.parallel_for(1, [&](std::int64_t, int) { done = 0; });
  EXPECT_EQ(done, 0);
}

TEST(ThreadPool, serves_calls_from_several_threads) {
  ThreadPool pool(2);
  std::atomic<int> sum{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 3; ++i)
      callers.emplace_back([&] { pool.parallel_for(500, [&](std::int64_t, int) { ++sum; }); });
  }
  EXPECT_EQ(sum, 1500);
}

TEST(ThreadPool, rejects_impossible_numbers_of_threads) {
  expect_error("threads is -1; it must be 0 (every core) to 1024", [] { ThreadPool(-1); });
  expect_error("threads is 1025; it must be 0 (every core) to 1024", [] { ThreadPool(1025); });
}

template <class T>
void thread_counts_agree(const char* sentence, Limits limits) {
  ThreadPool one_thread(1), two_threads(2), three_threads(3);
  reference::ReferenceAttention<T> one(one_thread), two(two_threads), three(three_threads);
  check(sentence, [&] {
    const Case c = *cases(limits);
    require(same_results<T>(one, two, c));
    require(same_results<T>(one, three, c));
  });
}

TEST(Threads, one_two_and_three_give_the_same_bits) {
  thread_counts_agree<float>("float on 1, 2 and 3 threads", {});
  thread_counts_agree<double>("double on 1, 2 and 3 threads", {});
  thread_counts_agree<half>("half on 1, 2 and 3 threads", {.tokens = 100});
  thread_counts_agree<bfloat16>("bfloat16 on 1, 2 and 3 threads", {.tokens = 100});
}

TEST(Threads, give_the_same_bits_on_a_long_sequence_whose_keys_are_cut_into_segments) {
  ThreadPool one_thread(1), three_threads(3);
  reference::ReferenceAttention<float> one(one_thread), three(three_threads);
  Case c;
  c.query_tokens = 20000;
  c.key_tokens = 300;
  c.dim = c.value_dim = 4;
  c.options = {.block_size = 4, .levels = 2, .top_k = {3}};
  EXPECT_TRUE(same_results<float>(one, three, c));
}

}  // namespace
}  // namespace llsa::testing
