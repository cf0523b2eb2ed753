#include "viewer/model/document.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "files/npy.hpp"
#include "files/safetensors.hpp"
#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

using files::NamedTensor;
using Metadata = std::map<std::string, std::string>;

NamedTensor numbers(const std::string& name, std::vector<std::int64_t> shape) {
  std::vector<float> values(static_cast<std::size_t>(files::checked_element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25f;
  return {name, std::move(shape), std::span<const float>(values)};
}

std::vector<NamedTensor> qkv(const std::string& prefix, std::vector<std::int64_t> shape) {
  return {numbers(prefix + "q", shape), numbers(prefix + "k", shape), numbers(prefix + "v", shape)};
}

MetadataNeeded question_of(const std::vector<std::filesystem::path>& files, const LoadHints& hints) {
  try {
    load_document(files, hints);
  } catch (const MetadataNeeded& needed) {
    return needed;
  }
  ADD_FAILURE() << "nothing was asked";
  return MetadataNeeded("");
}

TEST(Document, metadata_of_a_safetensors_file_are_honoured) {
  TemporaryFolder folder;
  files::write_safetensors(folder / "a.safetensors", qkv("", {2, 15, 3, 4}),
                           Metadata{{"layout", "batch, tokens, heads, dim"}, {"grid", "3x5"}, {"order", "hilbert"}});
  const Document document = load_document({folder / "a.safetensors"}, {});
  EXPECT_EQ(document.shape(), (Shape{2, 3, 15, 4}));
  EXPECT_EQ(document.query_grid, (Grid{1, 3, 5}));
  EXPECT_EQ(document.key_grid, (Grid{1, 3, 5}));
  EXPECT_EQ(document.order, "hilbert");
  EXPECT_EQ(document.title, "a.safetensors");
  EXPECT_EQ(document.sets[0].query(1, 2, 7, 3), static_cast<float>(((1 * 15 + 7) * 3 + 2) * 4 + 3) * 0.25f);
}

TEST(Document, what_metadata_do_not_say_is_asked_for_and_never_guessed) {
  TemporaryFolder folder;
  const auto file = folder / "a.safetensors";
  files::write_safetensors(file, qkv("", {4, 4, 4}));
  MetadataNeeded needed = question_of({file}, {});
  EXPECT_TRUE(needed.layout && needed.grid && needed.order) << "three axes can be three things";
  EXPECT_EQ(needed.query_tokens, 0);
  EXPECT_EQ(needed.stored_shape, (std::vector<std::int64_t>{4, 4, 4}));
  files::write_safetensors(file, qkv("", {1, 4, 4, 4}));
  needed = question_of({file}, {});
  EXPECT_TRUE(!needed.layout && needed.grid) << "four axes are [batch, heads, tokens, dim], as everywhere";
  needed = question_of({file}, {.layout = "bhnd"});
  EXPECT_TRUE(!needed.layout && needed.grid && needed.order && !needed.key_grid);
  EXPECT_EQ(needed.query_tokens, 4);
  needed = question_of({file}, {.layout = "bhnd", .grid = Grid{1, 2, 2}});
  EXPECT_TRUE(!needed.layout && !needed.grid && needed.order);
  const Document document = load_document({file}, {.layout = "bhnd", .order = "Morton", .grid = Grid{1, 2, 2}});
  EXPECT_EQ(document.order, "morton");
}

TEST(Document, a_hint_wins_over_metadata) {
  TemporaryFolder folder;
  const auto file = folder / "a.safetensors";
  files::write_safetensors(file, qkv("", {12, 4}), Metadata{{"grid", "3x4"}, {"order", "raster"}});
  EXPECT_EQ(load_document({file}, {.grid = Grid{1, 2, 6}}).query_grid, (Grid{1, 2, 6}));
  EXPECT_EQ(load_document({file}, {.order = "morton"}).order, "morton");
}

TEST(Document, cross_attention_needs_a_grid_for_its_keys) {
  TemporaryFolder folder;
  const auto file = folder / "a.safetensors";
  files::write_safetensors(file, std::vector{numbers("q", {6, 4}), numbers("k", {8, 4}), numbers("v", {8, 2})},
                           Metadata{{"grid", "2x3"}, {"order", "raster"}});
  const MetadataNeeded needed = question_of({file}, {});
  EXPECT_TRUE(needed.key_grid && !needed.grid);
  EXPECT_EQ(needed.key_tokens, 8);
  const Document document = load_document({file}, {.key_grid = Grid{1, 2, 4}});
  EXPECT_EQ(document.key_grid, (Grid{1, 2, 4}));
  EXPECT_FALSE(document.self_attention());
}

TEST(Document, layers_and_steps_of_a_capture_are_its_sets) {
  TemporaryFolder folder;
  const auto file = folder / "a.safetensors";
  auto tensors = qkv("layer.10.", {4, 2});
  for (const std::string prefix : {"layer.2.", "layer.1."})
    for (NamedTensor& tensor : qkv(prefix, {4, 2})) tensors.push_back(tensor);
  tensors.push_back(numbers("noise", {3}));
  files::write_safetensors(file, tensors, Metadata{{"grid", "2x2"}, {"order", "raster"}});
  const Document document = load_document({file}, {});
  ASSERT_EQ(document.sets.size(), 3u);
  EXPECT_EQ(document.sets[0].name, "layer.1");
  EXPECT_EQ(document.sets[1].name, "layer.2");
  EXPECT_EQ(document.sets[2].name, "layer.10");
}

TEST(Document, npy_files_are_found_by_their_names) {
  TemporaryFolder folder;
  for (const std::string name : {"x_Q", "x_K", "x_V"}) files::write_npy(folder / (name + ".npy"), numbers("", {4, 2}));
  const LoadHints hints{.order = "raster", .grid = Grid{1, 2, 2}};
  EXPECT_EQ(load_document({folder / "x_Q.npy"}, hints).shape(), (Shape{1, 1, 4, 2}));
  EXPECT_EQ(load_document({folder / "x_V.npy", folder / "x_Q.npy", folder / "x_K.npy"}, hints).shape().tokens, 4);
  files::write_npy(folder / "other.npy", numbers("", {4, 2}));
  EXPECT_NE(error_of([&] { load_document({folder / "other.npy"}, hints); }).find("holds one array"), std::string::npos);
  EXPECT_NE(error_of([&] { load_document({folder / "x_Q.npy", folder / "x_Q.npy", folder / "x_K.npy"}, hints); }), "");
  LoadHints listed = hints;
  listed.in_order = true;
  EXPECT_EQ(load_document({folder / "other.npy", folder / "x_K.npy", folder / "x_V.npy"}, listed).shape().tokens, 4);
}

TEST(Document, bad_files_give_one_line_that_begins_with_the_path) {
  TemporaryFolder folder;
  const auto expect = [&](const std::filesystem::path& file, const LoadHints& hints, const std::string& what) {
    const std::string message = error_of([&] { load_document({file}, hints); });
    EXPECT_TRUE(message.starts_with(file.string())) << message;
    EXPECT_NE(message.find(what), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  };
  expect(folder / "absent.safetensors", {}, "");
  std::ofstream(folder / "text.safetensors") << "hello";
  expect(folder / "text.safetensors", {}, "");
  std::ofstream(folder / "text.png") << "hello";
  expect(folder / "text.png", {}, "");
  const LoadHints full{.layout = "bhnd", .order = "raster", .grid = Grid{1, 2, 2}};
  files::write_safetensors(folder / "names.safetensors", std::vector{numbers("a", {2}), numbers("b", {2})});
  expect(folder / "names.safetensors", full, "no tensors q, k and v; it holds: a, b");
  files::write_safetensors(folder / "ok.safetensors", qkv("", {1, 1, 4, 2}));
  expect(folder / "ok.safetensors", {.layout = "bhnd", .order = "raster", .grid = Grid{1, 2, 3}},
         "grid 2x3 has 6 cells; there are 4");
  expect(folder / "ok.safetensors", {.layout = "nhd", .order = "raster", .grid = Grid{1, 2, 2}},
         "layout nhd has 3 axes");
  expect(folder / "ok.safetensors", {.layout = "bhnd", .order = "spiral", .grid = Grid{1, 2, 2}}, "spiral");
  files::write_safetensors(
      folder / "shapes.safetensors",
      std::vector{numbers("q", {1, 1, 4, 2}), numbers("k", {1, 1, 4, 3}), numbers("v", {1, 1, 4, 2})});
  expect(folder / "shapes.safetensors", full, "");
  files::write_safetensors(folder / "meta.safetensors", qkv("", {4, 2}),
                           Metadata{{"grid", "two by two"}, {"order", "raster"}});
  expect(folder / "meta.safetensors", {}, "grid is 'two by two'");
}

TEST(Document, a_picture_goes_behind_tensors_only) {
  TemporaryFolder folder;
  files::write_png(folder / "p.png", files::Image(3, 2));
  EXPECT_NE(error_of([&] {
              load_document({folder / "p.png"}, {.picture = folder / "p.png"});
            }).find("a picture goes behind Q, K, V"),
            std::string::npos);
}

TEST(Document, a_picture_becomes_tokens_of_its_pixels) {
  TemporaryFolder folder;
  files::Image image(40, 25);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i * 7);
  files::write_png(folder / "ragged.png", image);
  const Document document = load_document({folder / "ragged.png"}, {});
  EXPECT_EQ(document.query_grid, (Grid{1, 25, 40}));
  EXPECT_EQ(document.shape().tokens, 1000);
  EXPECT_EQ(document.picture(0)->rgb, image.rgb);
  files::write_png(folder / "large.png", files::Image(600, 300));
  EXPECT_EQ(load_document({folder / "large.png"}, {}).query_grid, (Grid{1, 128, 256}));
  EXPECT_EQ(load_document({folder / "large.png"}, {.picture_size = Grid{1, 8, 8}}).query_grid, (Grid{1, 8, 8}));
  EXPECT_EQ(load_document({}, {.picture_size = Grid{1, 16, 16}}).shape().tokens, 256);
}

}  // namespace
}  // namespace llsa::viewer
