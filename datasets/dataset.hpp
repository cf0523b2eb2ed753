#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "files/extent.hpp"
#include "files/image.hpp"

namespace llsa::datasets {

/// One picture or video and its class, -1 where the data set has none.
struct Sample {
  std::vector<files::Image> frames;  ///< one of a picture; all of one size
  int label = -1;

  const files::Image& image() const { return frames.front(); }
};

/// Pictures in a fixed order, which depends on nothing but the data. Never empty. Every member may be called from
/// several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  /// Names of the classes by label; empty when pictures have no labels.
  const std::vector<std::string>& classes() const { return classes_; }
  /// Where picture `index` comes from, for messages.
  virtual std::string source(std::int64_t index) const = 0;
  /// Picture `index` as large as `extent`: the largest centred part of these proportions, resampled
  /// (`resize_and_crop`); or a video. Throws `Error` when it cannot be read, when `index` is out of range, and as
  /// `expect_possible`.
  Sample item(std::int64_t index, const files::PictureExtent& extent) const;
  /// Throws `Error` when an extent is below 1, or there are several frames and the data set has pictures alone.
  void expect_possible(const files::PictureExtent& extent) const;

 protected:
  void set_classes(std::vector<std::string> classes) { classes_ = std::move(classes); }

 private:
  friend class Renumbered;
  /// Item `index`, of any height and width but with the frames of `extent`.
  virtual Sample load(std::int64_t index, const files::PictureExtent& extent) const = 0;
  virtual bool has_videos() const { return false; }

  std::vector<std::string> classes_;
};

/// The first `size` pictures of `shape_picture`. Throws `Error` when `size` is below 1.
std::unique_ptr<Dataset> open_shapes(std::int64_t size, std::uint64_t seed);

/// The first `size` pictures of `landscape_picture`, or of videos of `landscape_video`. Throws `Error` when `size` is
/// below 1.
std::unique_ptr<Dataset> open_landscapes(std::int64_t size, std::uint64_t seed);

/// The same generated pictures with the next seed, for validation ("shapes:7" -> "shapes:8", "landscape" ->
/// "landscape:2"); empty where `place` is not one of generated pictures.
std::string next_seed(const std::string& place);

/// Every picture (.png, .jpg, .jpeg, in any case) below `folder`, sorted by path; what is hidden (a name that begins
/// with a dot) and the folders that systems leave behind (`__MACOSX`, `@eaDir`, ...) are passed over. Labels come from
/// StyleGAN's `folder/dataset.json` when it exists; otherwise from the first-level subfolders, sorted by name, as in
/// ImageNet, unless pictures lie in `folder` itself, there is one subfolder alone, or all have five-digit names (FFHQ's
/// 00000, 01000, ...): then there are none. A subfolder named as one of `known` is a class even when it is alone. Links
/// to folders are followed once. Throws `Error` when there is no picture or the labels are malformed.
std::unique_ptr<Dataset> open_image_folder(const std::filesystem::path& folder,
                                           const std::vector<std::string>& known = {});

enum class Split { train, test };

/// CIFAR-10's binary version: `data_batch_1.bin` to `data_batch_5.bin` (those that exist), or `test_batch.bin`; names
/// of classes from `batches.meta.txt` when it exists. Throws `Error` for a missing or malformed file.
std::unique_ptr<Dataset> open_cifar10(const std::filesystem::path& folder, Split split);

/// CIFAR-100's binary version: `train.bin` or `test.bin`, with the 100 fine labels; their names from
/// `fine_label_names.txt` when it exists, else numbers. Throws `Error` for a missing or malformed file.
std::unique_ptr<Dataset> open_cifar100(const std::filesystem::path& folder, Split split);

/// MNIST and its relatives: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or `t10k-...`, also with `.gz`
/// behind and compressed, and spelled with a dot before `idx`. Grey becomes RGB. Throws `Error` for a missing or
/// malformed file, or when the two numbers of items differ.
std::unique_ptr<Dataset> open_mnist(const std::filesystem::path& folder, Split split);

/// The same pictures with classes numbered as in `classes`, by name. Pictures without a label stay so. Throws `Error`
/// naming a class of the data set that `classes` lacks; `place` is for that message.
std::unique_ptr<Dataset> with_classes(std::unique_ptr<Dataset> set, const std::vector<std::string>& classes,
                                      const std::string& place);

/// Whatever `place` is: "shapes", "landscape", "shapes:SEED" or "landscape:SEED" (60,000 generated pictures); a folder
/// with CIFAR-10, CIFAR-100 or MNIST files, told by their names; a folder with subfolders `train` and `test` (or `val`,
/// `validation`), of which the split's is taken; or else a folder of pictures, for which `split` has no meaning. Where
/// `classes` are given labels are by these names (`with_classes`): folders of two splits need not have the same
/// classes.
std::unique_ptr<Dataset> open_dataset(const std::string& place, Split split = Split::train,
                                      const std::vector<std::string>& classes = {});

}  // namespace llsa::datasets
