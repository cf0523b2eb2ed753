// TensorBoard's event files, read back by a reader of its own.
#include "diffusion/event_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <variant>

#include "diffusion/trainer.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.substr(at, sizeof value).data(), sizeof value);
  return value;
}

/// The fields of a message, by number: integers, or the bytes of everything else.
using Message = std::multimap<int, std::variant<std::uint64_t, std::string>>;

Message parse(std::string_view bytes) {
  Message message;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= std::uint64_t{byte & 127u} << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.size()) {
    const std::uint64_t key = varint();
    const std::uint64_t type = key & 7;
    if (type == 0) {
      message.emplace(key >> 3, varint());
      continue;
    }
    const std::size_t size = type == 1 ? 8 : type == 5 ? 4 : varint();
    message.emplace(key >> 3, std::string(bytes.substr(at, size)));
    at += size;
  }
  return message;
}

std::string text(const Message& message, int field) { return std::get<std::string>(message.find(field)->second); }
std::uint64_t integer(const Message& message, int field) {
  return std::get<std::uint64_t>(message.find(field)->second);
}

std::uint32_t masked(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

/// The events of a file, whose records must be whole.
std::vector<Message> events_of(const std::filesystem::path& path) {
  const std::string bytes = bytes_of(path);
  std::vector<Message> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto size = static_cast<std::size_t>(number_at<std::uint64_t>(bytes, at));
    const std::string_view length = std::string_view(bytes).substr(at, 8), event(bytes.data() + at + 12, size);
    EXPECT_EQ(number_at<std::uint32_t>(bytes, at + 8), masked(crc32c(length)));
    EXPECT_EQ(number_at<std::uint32_t>(bytes, at + 12 + size), masked(crc32c(event)));
    events.push_back(parse(event));
    at += size + 16;
  }
  return events;
}

/// A value of a summary: its step, tag and message.
struct Value {
  std::uint64_t step;
  std::string tag;
  Message message;
};

std::vector<Value> values_of(const std::vector<Message>& events) {
  std::vector<Value> values;
  for (const Message& event : events) {
    if (!event.contains(5)) continue;
    const Message value = parse(text(parse(text(event, 5)), 1));
    values.push_back({integer(event, 2), text(value, 1), value});
  }
  return values;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

TEST(EventFile, has_the_checksum_of_the_iscsi_standard) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(EventFile, begins_with_its_version_and_the_step_from_which_earlier_files_count_no_more) {
  const TemporaryFolder folder;
  const EventFile file(folder / "new/tensorboard", 301);
  const auto events = events_of(file.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(text(events[0], 3), "brain.Event:2");
  EXPECT_EQ(integer(events[1], 2), 301u);
  EXPECT_EQ(integer(parse(text(events[1], 7)), 1), 1u);
  EXPECT_TRUE(file.path().filename().string().starts_with("events.out.tfevents."));
  const auto seconds = number_at<double>(text(events[0], 1), 0);
  EXPECT_GT(seconds, 1.6e9);
  const EventFile another(folder / "new/tensorboard", 1);
  EXPECT_NE(another.path(), file.path());
  EXPECT_LT(file.path(), another.path());
}

TEST(EventFile, holds_every_number_of_an_entry_under_its_name) {
  const TemporaryFolder folder;
  EventFile file(folder.path(), 1);
  file.append({.step = 300,
               .loss = 0.25,
               .gradient_norm = 3,
               .learning_rate = 0.125,
               .seconds = 2,
               .tokens_per_second = 4096,
               .validation_loss = {}});
  file.append({.step = 301,
               .loss = 0.5,
               .gradient_norm = 4,
               .learning_rate = 0.0625,
               .seconds = 2,
               .tokens_per_second = 2048,
               .validation_loss = 0.75});
  std::map<std::pair<std::uint64_t, std::string>, float> found;
  for (const Value& value : values_of(events_of(file.path())))
    found[{value.step, value.tag}] = number_at<float>(text(value.message, 2), 0);
  const std::map<std::pair<std::uint64_t, std::string>, float> expected = {{{300, "loss/training"}, 0.25f},
                                                                           {{300, "optimizer/gradient_norm"}, 3.0f},
                                                                           {{300, "optimizer/learning_rate"}, 0.125f},
                                                                           {{300, "tokens_per_second"}, 4096.0f},
                                                                           {{301, "loss/training"}, 0.5f},
                                                                           {{301, "loss/validation"}, 0.75f},
                                                                           {{301, "optimizer/gradient_norm"}, 4.0f},
                                                                           {{301, "optimizer/learning_rate"}, 0.0625f},
                                                                           {{301, "tokens_per_second"}, 2048.0f}};
  EXPECT_EQ(found, expected);
}

TEST(EventFile, says_which_file_cannot_be_written) {
  const TemporaryFolder folder;
  std::ofstream(folder / "taken") << "x";
  EXPECT_THROW(EventFile(folder / "taken", 1), Error);
}

TEST(Training, writes_what_its_log_and_samples_hold_as_events_of_each_start) {
  const TemporaryFolder folder;
  TrainConfig config = small_training();
  config.steps = 4;
  const TrainingData data(config.data, config.validation_pictures);
  RunOptions options{.out = folder / "run", .threads = 1, .sample_every = 2, .sample_count = 2, .quiet = true};
  int steps = 0;
  const auto run = [&](std::optional<TrainState> resumed, int most) {
    steps = 0;
    return train(
        config, options, data, std::move(resumed), [&] { return steps++ == most; }, [](const std::string&) {});
  };
  TrainState state = run(std::nullopt, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "run/tensorboard")) << "nobody asked for them";
  options.events = true;
  state = run(std::move(state), 2);
  state = run(std::move(state), 9);
  ASSERT_EQ(state.step, 4);
  const auto files = files_in(folder / "run/tensorboard");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(integer(events_of(files[0])[1], 2), 2u);
  EXPECT_EQ(integer(events_of(files[1])[1], 2), 4u);
  std::map<std::uint64_t, float> losses;
  std::map<std::uint64_t, std::string> samples;
  for (const auto& file : files)
    for (const Value& value : values_of(events_of(file))) {
      if (value.tag == "loss/training") losses[value.step] = number_at<float>(text(value.message, 2), 0);
      if (value.tag == "samples") samples[value.step] = text(parse(text(value.message, 4)), 4);
    }
  ASSERT_EQ(losses.size(), 3u);
  for (const LogEntry& entry : read_log(folder / "run/log.jsonl"))
    if (entry.step > 1) {
      EXPECT_EQ(losses.at(static_cast<std::uint64_t>(entry.step)), static_cast<float>(entry.loss));
    }
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples.at(2), bytes_of(folder / "run/samples/step-00000002.png"));
  EXPECT_EQ(samples.at(4), bytes_of(folder / "run/samples/step-00000004.png"));
}

}  // namespace
}  // namespace llsa::diffusion::testing
