// Every reader against every truncation and every flipped bit of small valid files: it returns something valid, or
// throws one line that begins with the file's name. Under the sanitizers this also shows that nothing is read out of
// bounds.
#include <gtest/gtest.h>

#include "../files/support.hpp"
#include "datasets/idx.hpp"
#include "files/npy.hpp"
#include "files/safetensors.hpp"

namespace llsa::datasets {
namespace {

using namespace files;
using namespace files::testing;

bool is_valid(const NamedTensor& tensor) {
  return checked_element_count(tensor.shape()) * static_cast<std::int64_t>(size_of(tensor.type())) ==
         static_cast<std::int64_t>(tensor.bytes().size());
}

/// Whether the file was taken.
template <class Read>
bool survives(const std::string& file, const Read& read) {
  try {
    EXPECT_TRUE(read(bytes_of(file)));
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with("file: ") && message.find('\n') == std::string::npos) << message;
    return false;
  }
}

/// Returns how many of the truncations were taken.
template <class Read>
int damage(const std::string& reader, const Read& read) {
  int truncations_taken = 0;
  for (const auto& path : corpus(reader)) {
    SCOPED_TRACE(path.string());
    const std::string file = read_text(path);
    EXPECT_TRUE(survives(file, read)) << "the seed itself must be valid";
    for (std::size_t length = 0; length < file.size(); ++length)
      truncations_taken += survives(file.substr(0, length), read);
    std::string flipped = file;
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      survives(flipped, read);
      flipped[bit / 8] = file[bit / 8];
    }
  }
  return truncations_taken;
}

TEST(DamagedFiles, npy) {
  EXPECT_EQ(damage("npy", [](auto file) { return is_valid(parse_npy(file, "file")); }), 0);
}

TEST(DamagedFiles, safetensors) {
  const auto read = [](auto file) {
    bool valid = true;
    for (const NamedTensor& tensor : parse_safetensors(file, "file").tensors) valid = valid && is_valid(tensor);
    return valid;
  };
  EXPECT_EQ(damage("safetensors", read), 0);
}

TEST(DamagedFiles, idx) {
  const auto read = [](auto file) {
    const int rank = file.size() > 3 && file[3] == std::byte{1} ? 1 : 3;
    const IdxArray array = parse_idx(file, rank, "file");
    return checked_element_count(array.shape) == static_cast<std::int64_t>(array.values.size());
  };
  EXPECT_EQ(damage("idx", read), 0);
}

TEST(DamagedFiles, pictures) {
  const auto read = [](auto file) {
    const Image image = parse_image(file, "file");
    return image.rgb.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3;
  };
  EXPECT_EQ(damage("image", read), 0);
}

}  // namespace
}  // namespace llsa::datasets
