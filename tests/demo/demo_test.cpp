#include "demo/demo.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "demo/report.hpp"
#include "files/image.hpp"
#include "llsa/error.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::demo {
namespace {

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string error_for(DemoOptions options) {
  const room::TemporaryFolder folder;
  options.output = folder / "never made";
  const std::string message = message_of([&] { run_demo(options, {}, [](const std::string&) {}); });
  EXPECT_FALSE(std::filesystem::exists(options.output)) << message;
  return message;
}

TEST(Demo, query_pixels_are_read_strictly) {
  EXPECT_EQ(parse_pixel("3,14").row, 3);
  EXPECT_EQ(parse_pixel("3,14").column, 14);
  for (const char* wrong : {"", "3", "3,", ",3", "3,4,5", "3;4", "a,b", "3, 4", "99999999999,1"})
    EXPECT_EQ(message_of([&] { parse_pixel(wrong); }),
              "query is '" + std::string(wrong) + "'; it must be ROW,COLUMN, for example 100,30");
}

TEST(Demo, bad_options_are_errors_before_anything_is_made) {
  EXPECT_EQ(error_for({.size = 7}), "size is 7; it must be 8 to 1024");
  EXPECT_EQ(error_for({.size = 1025}), "size is 1025; it must be 8 to 1024");
  EXPECT_EQ(error_for({.projection = {.heads = 0}}), "heads is 0; it must be 1 to 64");
  EXPECT_EQ(error_for({.projection = {.head_dim = 20}}), "head-dim is 20; it must be a multiple of 16 from 16 to 256");
  EXPECT_EQ(error_for({.top_k = 0}), "top-k is 0; it must be at least 1");
  EXPECT_EQ(error_for({.size = 32, .queries = {{0, 32}}}), "query pixel is 0,32; row and column must be 0 to 31");
  EXPECT_EQ(error_for({.queries = std::vector<datasets::Pixel>(10)}),
            "10 query pixels were given; at most 9 are allowed");
  EXPECT_NE(error_for({.captures = {"c.safetensors"}}).find("give both or neither"), std::string::npos);
  EXPECT_NE(error_for({.capture_picture = "p.png"}).find("give both or neither"), std::string::npos);
  EXPECT_NE(error_for({.captures = {10, "c"}, .capture_picture = "p"}).find("10 captures"), std::string::npos);
  EXPECT_NE(error_for({.captures = {"/nowhere/c"}, .capture_picture = "/nowhere/p.png"}).find("/nowhere/p.png"),
            std::string::npos);
  EXPECT_NE(error_for({.backend = "abacus"}).find("abacus"), std::string::npos);
  EXPECT_NE(error_for({.image = "/nowhere/picture.png"}).find("/nowhere/picture.png"), std::string::npos);
}

TEST(Demo, a_request_to_stop_ends_it_without_a_report) {
  const room::TemporaryFolder temporary;
  const std::filesystem::path folder = temporary / "stopped";
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(run_demo({.output = folder, .size = 16, .projection = {.heads = 1, .head_dim = 16}}, stop.get_token(),
                        [](const std::string&) {}),
               Cancelled);
  EXPECT_FALSE(std::filesystem::exists(folder / report_file));
}

}  // namespace
}  // namespace llsa::demo
