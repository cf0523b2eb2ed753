#include "viewer/model/background.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "llsa/error.hpp"

namespace llsa::viewer {
namespace {

void wait_idle(Background& lane) {
  while (lane.busy()) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

void no_failure(const std::string& message) { ADD_FAILURE() << message; }

TEST(Background, results_arrive_on_the_callers_thread_in_order) {
  std::atomic<int> woken = 0;
  Background lane(1, [&] { ++woken; });
  std::vector<int> got;
  const auto me = std::this_thread::get_id();
  lane.start(
      [&](const Background::Job& job) {
        EXPECT_NE(std::this_thread::get_id(), me);
        for (int i = 0; i < 3; ++i)
          job.publish([&, i] {
            EXPECT_EQ(std::this_thread::get_id(), me);
            got.push_back(i);
          });
      },
      no_failure);
  wait_idle(lane);
  EXPECT_TRUE(got.empty());
  EXPECT_TRUE(lane.deliver());
  EXPECT_EQ(got, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(lane.deliver());
  EXPECT_GE(woken, 3);
}

TEST(Background, a_new_job_stops_the_old_one_and_drops_its_results) {
  Background lane(1);
  std::atomic<bool> running = false;
  int got = 0;
  lane.start(
      [&](const Background::Job& job) {
        job.publish([&] { got = 1; });
        running = true;
        while (!job.stop().stop_requested()) std::this_thread::yield();
        job.publish([&] { got = 2; });  // too late: the new job is the newest now
      },
      no_failure);
  while (!running) std::this_thread::yield();
  lane.start([&](const Background::Job& job) { job.publish([&] { got += 10; }); }, no_failure);
  wait_idle(lane);
  lane.deliver();
  EXPECT_EQ(got, 10);
}

TEST(Background, cancelling_stops_parallel_work_and_delivers_nothing) {
  Background lane(2);
  std::atomic<std::int64_t> items = 0;
  bool delivered = false;
  lane.start(
      [&](const Background::Job& job) {
        job.threads().parallel_for(1'000'000'000, [&](std::int64_t, int) { ++items; });
        job.publish([&] { delivered = true; });
      },
      no_failure);
  while (items == 0) std::this_thread::yield();
  lane.cancel();
  EXPECT_FALSE(lane.busy());
  bool second = false;
  lane.start([&](const Background::Job& job) { job.publish([&] { second = true; }); }, no_failure);
  wait_idle(lane);
  lane.deliver();
  EXPECT_FALSE(delivered);
  EXPECT_TRUE(second);
  EXPECT_LT(items, 1'000'000'000);
}

TEST(Background, a_failure_is_reported_once_and_the_lane_goes_on) {
  Background lane(1);
  std::vector<std::string> failures;
  const auto failed = [&](const std::string& message) { failures.push_back(message); };
  lane.start([](const Background::Job&) { throw Error("broken"); }, failed);
  wait_idle(lane);
  lane.deliver();
  lane.deliver();
  EXPECT_EQ(failures, std::vector<std::string>{"broken"});
  bool ran = false;
  lane.start([&](const Background::Job& job) { job.publish([&] { ran = true; }); }, failed);
  wait_idle(lane);
  lane.deliver();
  EXPECT_TRUE(ran);
  EXPECT_EQ(failures.size(), 1u);
}

TEST(Background, progress_is_that_of_the_running_job) {
  Background lane(1);
  std::atomic<bool> go_on = false;
  EXPECT_FALSE(lane.progress().busy);
  lane.start(
      [&](const Background::Job& job) {
        job.progress("half way", 0.5);
        while (!go_on) std::this_thread::yield();
      },
      no_failure);
  while (lane.progress().stage != "half way") std::this_thread::yield();
  EXPECT_TRUE(lane.busy());
  EXPECT_EQ(lane.progress().fraction, 0.5);
  go_on = true;
  wait_idle(lane);
}

TEST(Background, leaving_while_a_job_runs_stops_it) {
  std::atomic<bool> running = false, stopped = false;
  {
    Background lane(1);
    lane.start(
        [&](const Background::Job& job) {
          running = true;
          while (!job.stop().stop_requested()) std::this_thread::yield();
          stopped = true;
        },
        no_failure);
    while (!running) std::this_thread::yield();
  }
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace llsa::viewer
