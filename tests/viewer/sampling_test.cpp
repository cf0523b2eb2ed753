#include "viewer/model/sampling.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "diffusion/capture.hpp"
#include "diffusion/pictures.hpp"
#include "diffusion/runner.hpp"
#include "files/safetensors.hpp"
#include "small_problem.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {
namespace {

/// A model of random weights on 8 x 8 pictures.
diffusion::Model small_model() {
  diffusion::Model model;
  model.config.extent = files::square(8);
  model.config.hidden = 16;
  model.config.layers = 2;
  model.config.heads = 2;
  model.config.frequency_dim = 8;
  model.config.attention.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  model.training = "{}";
  model.weights.resize(static_cast<std::size_t>(diffusion::ParameterLayout(model.config).size()));
  for (std::size_t i = 0; i < model.weights.size(); ++i)
    model.weights[i] = static_cast<float>((i * 7919) % 201) / 1000 - 0.1f;
  return model;
}

struct Saved {
  TemporaryFolder folder;
  std::filesystem::path file = folder / "model.safetensors";
  explicit Saved(const files::PictureExtent& extent = files::square(8)) {
    diffusion::Model model = small_model();
    model.config.extent = extent;
    diffusion::save_model(file, model, files::ElementType::f32);
  }
};

TEST(Sampling, checkpoints_are_told_from_other_files) {
  Saved saved;
  EXPECT_TRUE(is_checkpoint(saved.file));
  std::ofstream(saved.folder / "x.safetensors") << "12345678{}";
  EXPECT_FALSE(is_checkpoint(saved.folder / "x.safetensors"));
  EXPECT_FALSE(is_checkpoint(saved.folder / "absent.safetensors"));
}

TEST(Sampling, shows_every_step_of_what_the_sampler_generates) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 3, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  EXPECT_EQ(work.sampling().problem, "");
  const Samples& samples = work.sampling().samples();
  ASSERT_EQ(samples.steps.size(), 4u);
  const diffusion::Model model = small_model();
  diffusion::Runner runner(model.config, {.batch = 2}, "reference", 1);
  const auto expected = diffusion::sample(runner.model, model.weights, model.flow, samples.options);
  ASSERT_EQ(samples.steps[3].size(), expected.size());
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), samples.steps[3].begin()));
  EXPECT_NE(samples.steps[0], samples.steps[1]);
  const std::size_t elements = static_cast<std::size_t>(model.config.image_elements());
  EXPECT_EQ(work.sampling().picture(1, 2),
            diffusion::to_image(std::span(samples.steps[2]).subspan(elements, elements), 3, files::square(8)));
}

TEST(Sampling, inspecting_a_sample_shows_its_attention_there) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 3, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  work.inspect({.sample = 1, .layer = 1, .step = 2});
  work.finish();
  EXPECT_EQ(work.sampling().problem, "");
  ASSERT_TRUE(work.document());
  EXPECT_EQ(work.document()->shape(), (Shape{2, 2, 64, 8}));
  EXPECT_EQ(work.document()->query_grid, (Grid{1, 8, 8}));
  EXPECT_EQ(work.document()->order, "morton");
  EXPECT_EQ(work.side(0).settings.batch, 1);
  EXPECT_EQ(*work.document()->picture(1), work.sampling().picture(1, 2));
  ASSERT_TRUE(work.query());
  EXPECT_EQ(work.query()->head->settings.batch, 1);
}

TEST(Sampling, a_model_of_stages_is_refused_in_one_line_and_what_was_there_stays) {
  Saved plain;
  diffusion::Model model = small_model();
  model.config.stages = 2;
  model.weights.resize(static_cast<std::size_t>(diffusion::ParameterLayout(model.config).size()), 0.0f);
  const std::filesystem::path file = plain.folder / "staged.safetensors";
  diffusion::save_model(file, model, files::ElementType::f32);
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 3, .seed = 5};
  work.open({plain.file}, {});
  work.finish();
  work.sampling().open(file);
  work.finish();
  EXPECT_NE(work.sampling().problem.find("2 stages of growing resolution; the viewer shows plain models"),
            std::string::npos)
      << work.sampling().problem;
  EXPECT_EQ(work.sampling().checkpoint(), plain.file);
  EXPECT_EQ(work.sampling().samples().steps.size(), 4u);
}

TEST(Sampling, a_video_is_inspected_with_every_frame_under_its_tokens) {
  const Saved saved({.frames = 3, .height = 4, .width = 6});
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 3, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  work.inspect({.sample = 1, .layer = 0, .step = 1});
  work.finish();
  EXPECT_EQ(work.sampling().problem, "");
  ASSERT_TRUE(work.document());
  const Document& document = *work.document();
  EXPECT_EQ(document.query_grid, (Grid{3, 4, 6}));
  ASSERT_EQ(document.pictures.size(), 6u);
  std::set<std::vector<std::uint8_t>> seen;
  for (int sample = 0; sample < 2; ++sample)
    for (int frame = 0; frame < 3; ++frame) {
      const files::Image* shown = document.picture(sample, frame);
      EXPECT_EQ(*shown, work.sampling().picture(sample, 1, frame));
      EXPECT_EQ(shown->width, 6);
      seen.insert(shown->rgb);
    }
  EXPECT_EQ(seen.size(), 6u);
  const GridLayout layout(document.query_grid);
  const files::Image small = grid_picture(document, 1, layout);
  for (int frame = 0; frame < 3; ++frame) {
    const Box box = layout.frame(frame);
    EXPECT_EQ(*small.pixel(int(box.x0) + 5, int(box.y0) + 1), *document.picture(1, frame)->pixel(5, 1)) << frame;
  }
  work.inspect_everywhere(1);
  work.finish();
  ASSERT_EQ(work.document()->pictures.size(), 3u) << "one batch entry";
  EXPECT_EQ(*work.document()->picture(0, 2), work.sampling().picture(1, 3, 2));
  const files::Image expected = work.sampling().expected_picture(1, 0, 2);
  EXPECT_NE(expected, work.sampling().expected_picture(1, 0, 1));
  EXPECT_NE(expected, work.sampling().picture(1, 0, 2));
}

TEST(Sampling, videos_and_the_query_play_frame_after_frame_together) {
  const Saved saved({.frames = 3, .height = 4, .width = 6});
  Workspace work(1);
  work.sampling().options = {.count = 1, .steps = 1};
  work.open({saved.file}, {});
  work.finish();
  work.inspect({});
  work.finish();
  work.choose_query(7);
  for (const int frame : {1, 2, 0}) {
    work.play_frames_on();
    EXPECT_EQ(work.scrub.frame, frame);
    EXPECT_EQ(work.view.query_cell, frame * 24 + 7);
  }
}

/// The choice that `work` shows, with the model's own as the alternative.
bool is_as_made(const Workspace& work) { return same(work.side(0).settings.how, *work.made_with()); }

TEST(Sampling, attention_is_shown_as_the_model_ran_it_until_somebody_changes_it) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 3, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  EXPECT_FALSE(work.inspected());
  work.inspect({.sample = 1, .layer = 1, .step = 2});
  work.finish();
  EXPECT_EQ(work.inspected(), (AttentionPlace{1, 1, 2}));
  ASSERT_TRUE(work.made_with());
  EXPECT_EQ(describe(*work.made_with()), "B 4, L 2, K 2, overlapping");
  EXPECT_TRUE(is_as_made(work));
  EXPECT_EQ(work.query()->head->options.block_size, 4);
  EXPECT_EQ(work.query()->head->options.top_k, (std::vector<std::int64_t>{2, 2}));
  work.side(0).settings.how.options.top_k = {3};
  EXPECT_FALSE(is_as_made(work));
  work.inspect({.sample = 0, .layer = 0, .step = 1});
  work.finish();
  EXPECT_EQ(work.query()->head->options.top_k.front(), 3) << "a choice stays while places of one model are looked at";
  work.restore_made_with();
  work.finish();
  EXPECT_TRUE(is_as_made(work));
  EXPECT_EQ(work.query()->head->options.top_k.front(), 2);
  work.open({}, {.picture_size = Grid{1, 8, 8}});
  work.finish();
  EXPECT_FALSE(work.made_with());
  EXPECT_TRUE(same(work.side(0).settings.how, AttentionChoice{})) << "a picture says nothing: what was chosen before";
}

TEST(Sampling, what_the_command_line_says_lies_over_what_the_file_says) {
  Saved saved;
  Workspace work(1);
  Session session;
  session.checkpoint = saved.file;
  session.named_anew.emplace();
  session.named_anew->top_k = {1};
  work.sampling().options = {.count = 1, .steps = 2};
  work.start(session);
  work.finish();
  work.inspect({.sample = 0, .layer = 0, .step = 0});
  work.finish();
  EXPECT_EQ(describe(work.side(0).settings), "B 4, L 2, K 1, overlapping");
}

TEST(Sampling, a_kept_session_shows_its_file_as_it_was_last_shown) {
  Saved saved;
  const diffusion::Model model = small_model();
  diffusion::Runner runner(model.config, {.batch = 1}, "reference", 1);
  const diffusion::Capture taken = diffusion::capture(runner.model, model.weights, model.flow, {.count = 1, .steps = 2},
                                                      {.layer = 0, .step = 0, .head = {}});
  files::write_safetensors(saved.folder / "qkv.safetensors", taken.file);
  Session session;
  session.files = {saved.folder / "qkv.safetensors"};
  session.settings[0].how.options.top_k = {7};
  Workspace kept(1);
  kept.start(session);
  kept.finish();
  EXPECT_EQ(kept.side(0).settings.how.options.top_k.front(), 7);
  ASSERT_TRUE(kept.made_with());
  EXPECT_FALSE(is_as_made(kept));
  kept.drop(session.files);
  kept.finish();
  EXPECT_TRUE(is_as_made(kept)) << "opened anew";
}

TEST(Sampling, all_layers_of_one_picture_become_one_document) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 4, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  work.inspect({.sample = 1, .layer = 1, .step = 2});
  work.finish();
  const auto one = work.document();
  work.inspect_everywhere(1);
  work.finish();
  EXPECT_EQ(work.sampling().problem, "");
  const auto all = work.document();
  ASSERT_EQ(all->sets.size(), 6u) << "two layers at steps 1, 2 and 3";
  EXPECT_EQ(all->sets[0].name, "layer 0, step 1");
  EXPECT_EQ(all->sets[3].name, "layer 1, step 2");
  EXPECT_EQ(all->shape(), (Shape{1, 2, 64, 8}));
  const auto heads = std::size_t(2 * 64 * 8);
  EXPECT_TRUE(
      std::equal(all->sets[3].query.data(), all->sets[3].query.data() + heads, one->sets[0].query.data() + heads))
      << "the second picture's";
  EXPECT_EQ(*all->picture(0), work.sampling().picture(1, 4));
  EXPECT_TRUE(work.view.places[static_cast<std::size_t>(Panel::overview)].open);
  EXPECT_TRUE(is_as_made(work));
  work.inspect_everywhere(2);
  work.finish();
  EXPECT_EQ(work.sampling().problem, "picture is 2; there are 2");
}

TEST(Sampling, the_expected_picture_is_where_the_next_step_leads) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 1, .steps = 2, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  const Samples& samples = work.sampling().samples();
  // Two steps, at t = 1 and 0.5: the first one's line goes on for as long again, the second one ends at the picture.
  std::vector<float> expected(samples.steps[0].size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    expected[i] = samples.steps[0][i] + 2 * (samples.steps[1][i] - samples.steps[0][i]);
  EXPECT_EQ(work.sampling().expected_picture(0, 0), diffusion::to_image(expected, 3, files::square(8)));
  EXPECT_EQ(work.sampling().expected_picture(0, 1), work.sampling().picture(0, 2));
  EXPECT_EQ(work.sampling().expected_picture(0, 2), work.sampling().picture(0, 2));
}

TEST(Sampling, the_attention_that_is_looked_at_follows_the_scrubber) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 2, .steps = 3, .seed = 5};
  work.open({saved.file}, {});
  work.finish();
  work.scrub_to(1, 1);
  work.finish();
  EXPECT_FALSE(work.inspected()) << "nothing was looked at yet";
  EXPECT_EQ(work.scrub.step, 1);
  work.inspect({.sample = 1, .layer = 0, .step = 0});
  work.finish();
  const auto first = work.document();
  work.scrub_to(2, 1);
  EXPECT_EQ(work.inspected(), (AttentionPlace{1, 1, 2}));
  work.finish();
  EXPECT_NE(work.document(), first);
  const auto moved = work.document();
  work.inspect({.sample = 1, .layer = 1, .step = 2});
  work.finish();
  EXPECT_EQ(work.document()->sets[0].query.flat()[7], moved->sets[0].query.flat()[7]);
  work.scrub_to(9, 9);
  EXPECT_EQ(work.scrub.step, 3);
  EXPECT_TRUE(work.scrub.follow);
  EXPECT_EQ(work.scrub.layer, 1);
  EXPECT_EQ(work.inspected(), (AttentionPlace{1, 1, 2})) << "no attention after the last step";
  work.scrub_to(-4, -4);
  EXPECT_EQ(work.scrub.step, 0);
  EXPECT_EQ(work.inspected(), (AttentionPlace{1, 0, 0}));
  work.finish();
}

TEST(Sampling, playing_goes_through_the_steps_and_begins_again) {
  Saved saved;
  Workspace work(1);
  work.play_on();  // nothing there: nothing happens
  work.sampling().options = {.count = 1, .steps = 2};
  work.open({saved.file}, {});
  work.finish();
  work.scrub_to(0, 0);
  std::vector<int> steps;
  for (int i = 0; i < 5; ++i) {
    work.play_on();
    work.finish();
    steps.push_back(work.scrub.step);
  }
  EXPECT_EQ(steps, (std::vector<int>{1, 2, 0, 1, 2}));
}

TEST(Sampling, bad_options_and_files_are_said_and_what_was_there_stays) {
  Saved saved;
  Workspace work(1);
  work.sampling().options = {.count = 1, .steps = 2};
  work.open({saved.file}, {});
  work.finish();
  work.sampling().options.steps = 0;
  work.sampling().generate();
  work.finish();
  EXPECT_NE(work.sampling().problem, "");
  EXPECT_EQ(work.sampling().samples().steps.size(), 3u);
  std::string bytes(std::filesystem::file_size(saved.file), '\0');
  std::ifstream(saved.file, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(saved.folder / "damaged.safetensors", std::ios::binary) << bytes;
  work.open({saved.folder / "damaged.safetensors"}, {});
  work.finish();
  EXPECT_NE(work.sampling().problem.find("damaged"), std::string::npos) << work.sampling().problem;
  EXPECT_EQ(work.sampling().checkpoint(), saved.file);
}

}  // namespace
}  // namespace llsa::viewer
