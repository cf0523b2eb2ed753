#include "diffusion/sampler.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "diffusion/capture.hpp"
#include "diffusion/learner.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

RC_GTEST_PROP(SamplingTimes, fall_from_one_to_zero, ()) {
  const int steps = *rc::gen::inRange(1, 60);
  const double shift = *rc::gen::inRange(10, 90) / 10.0;
  const auto times = sampling_times(steps, shift);
  RC_ASSERT(times.size() == std::size_t(steps) + 1);
  RC_ASSERT(times.front() == 1.0 && times.back() == 0.0);
  RC_ASSERT(std::is_sorted(times.rbegin(), times.rend()));
}

TEST(Sample, guidance_acts_between_its_times_alone) {
  Sampled model;
  const SampleOptions plain{.count = 2, .steps = 4, .labels = {1, 2}};
  SampleOptions everywhere = plain, nowhere = plain, late = plain;
  everywhere.guidance = nowhere.guidance = late.guidance = 3;
  nowhere.guidance_low = 0.6, nowhere.guidance_high = 0.7;  // between the times 0.75 and 0.5
  late.guidance_high = 0.25;                                // the last of 1, 0.75, 0.5, 0.25
  EXPECT_EQ(model.run(nowhere), model.run(plain));
  EXPECT_NE(model.run(everywhere), model.run(plain));
  std::vector<AlignedVector<float>> steps_plain, steps_late;
  const auto keep = [](auto& steps) {
    return [&steps](std::int64_t, int, std::span<const float> x) { steps.emplace_back(x.begin(), x.end()); };
  };
  model.run(plain, keep(steps_plain));
  model.run(late, keep(steps_late));
  ASSERT_EQ(steps_late.size(), 5u);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(steps_late[k], steps_plain[k]) << k;
  EXPECT_NE(steps_late[4], steps_plain[4]);
  for (const auto& [low, high] : {std::pair{-0.1, 1.0}, {0.0, 1.1}, {0.6, 0.5}, {std::nan(""), 1.0}}) {
    SampleOptions bad = plain;
    bad.guidance_low = low;
    bad.guidance_high = high;
    EXPECT_THROW(model.run(bad), Error) << low << " " << high;
  }
}

TEST(Sample, every_solver_is_the_one_that_was_asked_for) {
  Sampled model;
  SampleOptions options{.count = 2, .steps = 5, .labels = {1, 2}};
  const auto euler = model.run(options);
  for (const Solver solver : {Solver::heun, Solver::dpm2m}) {
    options.solver = solver;
    EXPECT_NE(model.run(options), euler) << name_of(solver);
  }
}

TEST(Sample, a_picture_depends_on_seed_and_number_alone_not_on_its_company) {
  Sampled four(4), one(1);
  const SampleOptions options{.count = 6, .steps = 3, .labels = {1, 2, 3, 4, 5, 6}};
  const auto together = four.run(options), apart = one.run(options);
  for (std::size_t i = 0; i < together.size(); ++i) ASSERT_NEAR(together[i], apart[i], 1e-4);
  SampleOptions other = options;
  other.seed = 2;
  EXPECT_NE(four.run(other), together);
  EXPECT_EQ(four.run(options), together);
}

TEST(Sample, guidance_goes_from_unlabelled_through_labelled_and_beyond) {
  Sampled s;
  // One step: the result is linear in the velocity, so guidance interpolates and extrapolates pictures.
  SampleOptions options{.count = 2, .steps = 1, .labels = {1, 2}};
  const auto labelled = s.run(options);
  options.guidance = 0;
  const auto none = s.run(options);
  options.labels = {10, 10};
  options.guidance = 1;
  EXPECT_EQ(s.run(options), none);
  options.labels = {1, 2};
  options.guidance = 3;
  const auto guided = s.run(options);
  double change = 0;
  for (std::size_t i = 0; i < guided.size(); ++i) {
    ASSERT_NEAR(guided[i], none[i] + 3 * (labelled[i] - none[i]), 1e-4);
    change += std::abs(labelled[i] - none[i]);
  }
  EXPECT_GT(change, 0.01) << "the label must matter for this test to say anything";
}

TEST(Sample, shows_every_step_beginning_with_scaled_noise) {
  Sampled s;
  std::vector<int> steps;
  AlignedVector<float> first, last;
  const auto pictures = sample(s.runner.model, s.weights, {.noise_scale = 2}, {.count = 2, .steps = 3},
                               [&](std::int64_t, int step, std::span<const float> x) {
                                 steps.push_back(step);
                                 if (step == 0) first.assign(x.begin(), x.end());
                                 last.assign(x.begin(), x.end());
                               });
  EXPECT_EQ(steps, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(last, pictures);
  const RandomSequence random(1, Purpose::sampling_noise, 1);
  EXPECT_FLOAT_EQ(first[std::size_t(s.config.image_elements()) + 5], float(2 * random.normal(5)));
}

TEST(Sample, takes_the_shifted_steps_of_its_flow) {
  Sampled s;
  // The first of two steps ends at time 1/2, shifted by 3 at 3/4: half as far.
  const auto first_step = [&](const FlowConfig& flow) {
    AlignedVector<float> noise, after;
    sample(s.runner.model, s.weights, flow, {.count = 1, .steps = 2},
           [&](std::int64_t, int step, std::span<const float> x) {
             if (step < 2) (step == 0 ? noise : after).assign(x.begin(), x.end());
           });
    for (std::size_t i = 0; i < after.size(); ++i) after[i] -= noise[i];
    return after;
  };
  const auto plain = first_step({}), shifted = first_step({.time = TimeSampling::shift, .time_shift = 3});
  for (std::size_t i = 0; i < plain.size(); ++i) ASSERT_NEAR(shifted[i], 0.5f * plain[i], 1e-5);
}

TEST(Sample, refuses_what_the_model_cannot_do) {
  Sampled s;
  EXPECT_THROW(s.run({.count = 0}), Error);
  EXPECT_THROW(s.run({.steps = 0}), Error);
  EXPECT_THROW(s.run({.count = 1, .labels = {11}}), Error);
  EXPECT_THROW(s.run({.count = 1, .labels = {-1}}), Error);
  EXPECT_THROW(s.run({.count = 2, .labels = {1}}), Error);
  EXPECT_THROW(s.run({.guidance = NAN}), Error);
  ModelConfig unlabelled = s.config;
  unlabelled.classes = 0;
  EXPECT_THROW(validate(SampleOptions{.guidance = 2}, unlabelled), Error);
}

TEST(Capture, several_places_at_once_are_what_each_is_alone) {
  Sampled model;
  const SampleOptions sampling{.count = 2, .steps = 4, .labels = {1, 2}};
  const std::vector<CapturePlace> places = {{0, 1}, {1, 1}, {1, 3}, {0, 0}};
  const Captures all = capture_places(model.runner.model, model.weights, {}, sampling, places);
  ASSERT_EQ(all.files.size(), places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Capture alone = capture(model.runner.model, model.weights, {}, sampling,
                                  {.layer = places[i].layer, .step = places[i].step, .head = {}});
    EXPECT_EQ(all.files[i].metadata, alone.file.metadata);
    for (std::size_t t = 0; t < 3; ++t)
      EXPECT_TRUE(std::ranges::equal(all.files[i].tensors[t].bytes(), alone.file.tensors[t].bytes())) << i << " " << t;
    EXPECT_EQ(all.pictures, alone.pictures);
  }
  EXPECT_THROW(
      capture_places(model.runner.model, model.weights, {}, sampling, std::vector<CapturePlace>{{0, 0}, {0, 4}}),
      Error);
}

TEST(Capture, pictures_that_were_kept_give_the_same_tensors_without_sampling_again) {
  Sampled model;
  for (const Solver solver : {Solver::euler, Solver::heun, Solver::dpm2m}) {
    const SampleOptions sampling{.count = 2, .steps = 4, .solver = solver, .guidance = 2, .labels = {1, 2}};
    std::vector<std::vector<float>> kept;
    model.run(sampling, [&](std::int64_t, int, std::span<const float> x) { kept.emplace_back(x.begin(), x.end()); });
    const std::vector<CapturePlace> places = {{0, 1}, {1, 3}, {1, 1}, {0, 0}};
    for (const CaptureOnly& only : {CaptureOnly{}, CaptureOnly{.head = 1, .picture = 1}}) {
      const Captures all = capture_places(model.runner.model, model.weights, {}, sampling, places, only);
      const auto again = capture_kept(model.runner.model, model.weights, {}, sampling, places, kept, only);
      ASSERT_EQ(again.size(), places.size());
      for (std::size_t i = 0; i < places.size(); ++i) {
        EXPECT_EQ(again[i].metadata, all.files[i].metadata);
        for (std::size_t t = 0; t < 3; ++t) {
          EXPECT_EQ(again[i].tensors[t].shape(), all.files[i].tensors[t].shape());
          EXPECT_TRUE(std::ranges::equal(again[i].tensors[t].bytes(), all.files[i].tensors[t].bytes()))
              << i << " " << t;
        }
      }
    }
    kept.resize(2);
    EXPECT_THROW(capture_kept(model.runner.model, model.weights, {}, sampling, places, kept), Error);
  }
}

TEST(Capture, the_expected_picture_is_where_the_steps_line_leads) {
  Sampled model;
  const SampleOptions sampling{.count = 2, .steps = 4, .labels = {1, 2}};
  std::vector<AlignedVector<float>> steps;
  model.run(sampling, [&](std::int64_t, int, std::span<const float> x) { steps.emplace_back(x.begin(), x.end()); });
  const std::vector<CapturePlace> places = {{0, 1}, {0, 3}};
  const Captures taken = capture_places(model.runner.model, model.weights, {}, sampling, places);
  for (std::size_t e = 0; e < steps[1].size(); ++e) {
    // From t = 0.75 to 0.5, and on to 0 along the same line; the last step ends at 0.
    EXPECT_NEAR(taken.expected[0][e], steps[1][e] + 3 * (steps[2][e] - steps[1][e]), 1e-4);
    EXPECT_NEAR(taken.expected[1][e], steps[4][e], 1e-5);
  }
}

TEST(CapturedTensors, are_those_that_attention_saw_at_that_layer_and_step) {
  Sampled s;
  const SampleOptions sampling{.count = 2, .steps = 4, .guidance = 2, .labels = {1, 2}};
  const Capture all = capture(s.runner.model, s.weights, {}, sampling, {.layer = 1, .step = 2});
  ASSERT_EQ(all.file.tensors.size(), 3u);
  EXPECT_EQ(all.file.tensors[0].name(), "q");
  EXPECT_EQ(all.file.tensors[2].shape(), (std::vector<std::int64_t>{2, 2, 64, 8}));
  EXPECT_EQ(all.file.metadata.at("order"), "morton");
  EXPECT_EQ(all.file.metadata.at("grid"), "8x8");
  EXPECT_EQ(all.file.metadata.at("time"), "0.5");
  EXPECT_EQ(all.file.metadata.at("attention"), "llsa");
  EXPECT_EQ(all.file.metadata.at("levels"), "2");
  EXPECT_EQ(all.file.metadata.at("top_k"), "2,2");

  // The same by hand: go to the step, then look at the layer.
  AlignedVector<float> at_step;
  const auto pictures = s.run(sampling, [&](std::int64_t, int step, std::span<const float> x) {
    if (step == 2) at_step.assign(x.begin(), x.end());
  });
  EXPECT_EQ(all.pictures, pictures);
  const std::vector<float> times = {0.5f, 0.5f};
  const std::vector<std::int32_t> labels = {1, 2};
  AlignedVector<float> velocity(at_step.size());
  Tensor<float> value;
  s.runner.model.set_observer([&](std::int64_t block, const AttentionInputs<float>& inputs) {
    if (block != 1) return;
    value = Tensor<float>(inputs.value.shape);
    for (std::int64_t h = 0; h < 4; ++h) {
      for (std::int64_t t = 0; t < 64; ++t) {
        for (std::int64_t d = 0; d < 8; ++d) value(h / 2, h % 2, t, d) = inputs.value(h / 2, h % 2, t, d);
      }
    }
  });
  s.runner.model.forward(s.weights, 2, at_step.data(), times.data(), labels.data(), velocity.data());
  s.runner.model.set_observer({});
  const auto captured = all.file.tensors[2].as<float>();
  EXPECT_TRUE(std::equal(captured.begin(), captured.end(), value.flat().begin(), value.flat().end()));

  const Capture head = capture(s.runner.model, s.weights, {}, sampling, {.layer = 1, .step = 2, .head = 1});
  EXPECT_EQ(head.file.tensors[0].shape(), (std::vector<std::int64_t>{2, 1, 64, 8}));
  EXPECT_EQ(head.file.tensors[2].as<float>()[5], value(0, 1, 0, 5));
}

TEST(CapturedTensors, say_the_shifted_time_at_which_they_were_taken) {
  Sampled s;
  const Capture taken = capture(s.runner.model, s.weights, {.time = TimeSampling::shift, .time_shift = 3},
                                {.count = 1, .steps = 2}, {.layer = 0, .step = 1});
  EXPECT_EQ(taken.file.metadata.at("time"), "0.75");
}

TEST(CapturedTensors, refuse_a_layer_step_or_head_that_is_not_there) {
  Sampled s;
  const SampleOptions sampling{.count = 1, .steps = 2};
  EXPECT_THROW(capture(s.runner.model, s.weights, {}, sampling, {.layer = 2}), Error);
  EXPECT_THROW(capture(s.runner.model, s.weights, {}, sampling, {.step = 2}), Error);
  EXPECT_THROW(capture(s.runner.model, s.weights, {}, sampling, {.head = 2}), Error);
  EXPECT_THROW(capture(s.runner.model, s.weights, {}, {.count = 5}, {}), Error);
}

}  // namespace
}  // namespace llsa::diffusion::testing
