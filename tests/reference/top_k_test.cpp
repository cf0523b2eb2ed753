// The two ways of keeping the best K scores, against a sort by the definition's order.
#include "reference/top_k.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace llsa::testing {
namespace {

using namespace reference;

/// Score descending, ties to the lower index (-0 ties with +0), NaN last; -1 where there is no more.
template <class C>
std::vector<std::int32_t> sorted_best(const std::vector<C>& scores, std::size_t k) {
  std::vector<std::int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const C x = scores[static_cast<std::size_t>(a)], y = scores[static_cast<std::size_t>(b)];
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return x > y;
  });
  order.resize(std::min(k, order.size()));
  order.resize(k, -1);
  return order;
}

template <class C>
std::vector<std::vector<C>> streams(std::size_t length, unsigned seed) {
  const C infinity = std::numeric_limits<C>::infinity(), nan = std::numeric_limits<C>::quiet_NaN();
  const std::vector<C> pool{-infinity, -1, -C{0}, C{0}, 1, infinity, nan, -nan, 2, -std::numeric_limits<C>::min()};
  std::mt19937 random(seed);
  std::vector<std::vector<C>> found(lanes<C>, std::vector<C>(length));
  for (auto& stream : found)
    for (C& score : stream) score = pool[random() % pool.size()];
  return found;
}

template <class C>
void both_keep_the_best() {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    const std::size_t length = 1 + seed % 23, k = 1 + seed % 7;
    const auto each = streams<C>(length, seed);
    LaneTopK<C> lane_top;
    lane_top.reset(static_cast<std::int64_t>(k));
    for (std::size_t i = 0; i < length; ++i) {
      Vector<C> scores{};
      for (int lane = 0; lane < lanes<C>; ++lane) scores[lane] = each[static_cast<std::size_t>(lane)][i];
      lane_top.offer(scores, static_cast<std::int64_t>(i));
    }
    for (int lane = 0; lane < lanes<C>; ++lane) {
      const auto& stream = each[static_cast<std::size_t>(lane)];
      const std::vector<std::int32_t> expected = sorted_best(stream, k);
      for (std::size_t i = 0; i < k; ++i)
        ASSERT_EQ(lane_top.token(static_cast<std::int64_t>(i), lane), expected[i]) << seed << " lane " << lane;
      StreamTopK<C> stream_top;
      stream_top.reset(static_cast<std::int64_t>(k));
      for (std::size_t i = 0; i < length; ++i) stream_top.offer(stream[i], static_cast<std::int32_t>(i));
      std::vector<std::int32_t> got(k, -1);
      stream_top.write(got.data());
      ASSERT_EQ(got, expected) << seed << " stream " << lane;
    }
  }
}

TEST(TopK, lanes_and_streams_keep_the_best_in_the_definitions_order_zeros_of_either_sign_tied) {
  both_keep_the_best<float>();
  both_keep_the_best<double>();
}

}  // namespace
}  // namespace llsa::testing
