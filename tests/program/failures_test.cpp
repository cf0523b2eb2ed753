// Every program against every failure: the exit status is 2, stderr is one line that begins with the program's name and
// says what is wrong, and every file is as it was: nothing replaced, nothing half-written, no temporary file left.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "../files/support.hpp"
#include "files/npy.hpp"
#include "files/safetensors.hpp"
#include "support/run_program.hpp"

namespace llsa::testing {
namespace {

using namespace files::testing;
using files::NamedTensor;
namespace fs = std::filesystem;

NamedTensor numbers(const std::string& name, std::vector<std::int64_t> shape) {
  std::vector<float> values(static_cast<std::size_t>(files::checked_element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) * 0.25f - 2;
  return {name, std::move(shape), std::span<const float>(values)};
}

/// One way to fail. In `command` the words in braces stand for what `Programs` made.
struct Failure {
  const char* name;
  const char* program;
  std::string command;
  std::string hint;            ///< part of the line
  std::string limits = {};     ///< of the shell, before the program
  std::string stdout_to = {};  ///< a file in place of one in memory
};

class Programs {
 public:
  Programs() {
    files::write_safetensors(folder_ / "qkv", std::vector{numbers("q", {1, 2, 64, 16}), numbers("k", {1, 2, 64, 16}),
                                                          numbers("v", {1, 2, 64, 16})});
    files::write_safetensors(folder_ / "odd", std::vector{numbers("q", {1, 2, 64, 16}), numbers("k", {1, 2, 64, 8}),
                                                          numbers("v", {1, 2, 64, 16})});
    files::write_npy(folder_ / "short.npy", numbers("g", {3, 16}));
    files::write_png(folder_ / "picture.png", noise(16, 16, 1));
    write_text(folder_ / "junk", "neither tensors nor a picture nor a checkpoint");
    fs::create_directories(folder_ / "folder");
    set_up(LLSA_COMPARE, "run --input {qkv} --block-size 4 --levels 1 --output {theirs}");
    set_up(LLSA_DIFFUSION,
           "train --steps 1 --image-size 8 --hidden 16 --layers 1 --heads 1 --batch 2 --validation-pictures 2 "
           "--sample-count 1 --quiet --output {run}");
    fs::rename(folder_ / "run/checkpoints/step-00000001.safetensors", folder_ / "model");
    fs::remove_all(folder_ / "run");
  }

  room::ProgramRun run(const Failure& failure) const {
    const std::string command = (failure.limits.empty() ? "" : failure.limits + "; ") + "exec " + failure.program +
                                " " + filled(failure.command) +
                                (failure.stdout_to.empty() ? "" : " >" + failure.stdout_to);
    return room::run_program("/bin/sh", "-c '" + command + "'", folder_.path());
  }

  /// Every file by path, with its content.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
      all[entry.path().string()] = entry.is_regular_file() ? read_text(entry.path()) : "a folder";
    return all;
  }

 private:
  /// "{name}" becomes the path of that name in the folder.
  std::string filled(std::string text) const {
    for (std::size_t at = 0; (at = text.find('{', at)) != std::string::npos;) {
      const std::size_t end = text.find('}', at);
      text.replace(at, end + 1 - at, (folder_ / text.substr(at + 1, end - at - 1)).string());
    }
    return text;
  }
  void set_up(const char* program, const std::string& arguments) const {
    const room::ProgramRun outcome = run({"", program, arguments, ""});
    if (outcome.exit_code != 0) throw Error("setting up: " + outcome.err);
  }

  TemporaryFolder folder_;
};

const std::string compare_run = "run --input {qkv} --block-size 4 --levels 1 ";
const std::string verify = "verify --input {qkv} --block-size 4 --levels 1 --theirs {theirs} ";
const std::string approximate = "approximate --input {qkv} --block-size 4 --levels 1 ";
const std::string recommend = "recommend --input {qkv} ";
const std::string profile = "profile --tokens 256 --repetitions 1 ";
const std::string check = "check --quick ";
const std::string of_model = " --checkpoint {model} ";
const std::string demo = "--size 16 --heads 1 --head-dim 16 --output {report} ";
const std::string small_run =
    "train --steps 1 --image-size 8 --hidden 16 --layers 1 --heads 1 --batch 2 --output {run} ";

std::vector<Failure> failures() {
  std::vector<Failure> all;
  const auto add = [&all](const char* name, const char* program, const std::string& command, const std::string& hint,
                          const std::string& limits = {}, const std::string& out = {}) {
    if (*program) all.push_back({name, program, command, hint, limits, out});
  };
  const char* const c = LLSA_COMPARE;
  const char* const d = LLSA_DIFFUSION;
  const char* const p = LLSA_DEMO;
  const char* const v = LLSA_VIEWER;

  for (const char* program : {p, v}) add("unknown option", program, "--no-such-option", "no-such-option");
  add("unknown option", c, "run --output {run} --no-such-option", "no-such-option");
  add("unknown option", d, "train --output {run} --no-such-option", "no-such-option");
  for (const char* program : {c, d}) add("no command", program, "", "give a command");

  // What is not there, and what is something else.
  for (const std::string& file : {std::string("{nowhere}"), std::string("{junk}"), std::string("{folder}")}) {
    const std::string hint = file.substr(1, file.size() - 2);
    add("input", c, "run --output {new} --input " + file, hint);
    add("input", c, "run --output {new} --q " + file + " --k {short.npy} --v {short.npy}", hint);
    add("input", c, compare_run + "--output {new} --grad-output " + file, hint);
    add("input", c, "check --input " + file, hint);
    add("input", c, "verify --theirs {theirs} --input " + file, hint);
    add("input", c, "verify --input {qkv} --theirs " + file, hint);
    add("input", c, "approximate --input " + file, hint);
    add("input", c, "approximate --image " + file, hint);
    add("input", c, "recommend --input " + file, hint);
    for (const char* command :
         {"sample --grid {new}", "evaluate", "export --output {new}", "capture --layer 0 --step 0 --output {new}"})
      add("input", d, std::string(command) + " --checkpoint " + file, hint);
    add("input", d, small_run + "--init-from " + file, hint);
    add("input", d, small_run + "--data " + file, hint);
    add("input", p, demo + "--image " + file, hint);
    add("input", p, demo + "--capture-picture {picture.png} --capture " + file, hint);
    add("input", v, "--no-session --export {new.csv} " + file, hint);
  }

  // Where nothing can be written.
  for (const std::string& place : {std::string("{nowhere/new}"), std::string("{folder}"), std::string("/dev/full")}) {
    const std::string hint = place == "/dev/full" ? place : place.substr(1, place.size() - 2);
    add("output", c, compare_run + "--output " + place, hint);
    for (const std::string& command : {check, verify, approximate, recommend, profile})
      add("output", c, command + "--json " + place, hint);
    add("output", c, profile + "--trace " + place, hint);
    add("output", c, approximate + "--markdown " + place, hint);
    add("output", d, "sample --grid " + place + of_model, hint);
    add("output", d, "evaluate --json " + place + of_model, hint);
    add("output", d, "export --output " + place + of_model, hint);
    add("output", d, "capture --layer 0 --step 0 --output " + place + of_model, hint);
  }
  add("output", c, profile + "--plot {nowhere/new.svg}", "nowhere/new.svg");
  add("output", d, "sample --folder {junk}" + of_model, "junk");
  add("output", d, "train --steps 1 --output {junk}", "junk");
  add("output", p, "--size 16 --output {junk}", "junk");
  for (const char* target : {"--screenshot {nowhere/new.png}", "--figure {nowhere/new.svg}",
                             "--export {nowhere/new.csv}", "--export-head {nowhere/new.csv}"})
    add("output", v, std::string("--no-session ") + target, "nowhere/new");

  // Over what is read.
  const std::string replaces = "would replace what";
  add("output = input", c, compare_run + "--output {qkv}", replaces);
  add("output = input", c, "run --q {short.npy} --k {short.npy} --v {short.npy} --output {short.npy}", replaces);
  add("output = input", c, compare_run + "--grad-output {short.npy} --output {short.npy}", replaces);
  add("output = input", c, "check --input {qkv} --json {qkv}", replaces);
  add("output = input", c, verify + "--json {qkv}", replaces);
  add("output = input", c, verify + "--json {theirs}", replaces);
  add("output = input", c, approximate + "--json {qkv}", replaces);
  add("output = input", c, approximate + "--markdown {qkv}", replaces);
  add("output = input", c, "approximate --image {picture.png} --size 16 --plot {picture.png}", replaces);
  add("output = input", c, recommend + "--json {qkv}", replaces);
  add("output = input", d, "sample --grid {model}" + of_model, replaces);
  add("output = input", d, "evaluate --json {model}" + of_model, replaces);
  add("output = input", d, "export --output {model}" + of_model, replaces);
  add("output = input", d, "capture --layer 0 --step 0 --output {model}" + of_model, replaces);
  add("output = input", p, "--size 16 --image {picture.png} --output .", replaces);
  add("output = input", v, "--no-session {picture.png} --screenshot {picture.png}", replaces);
  add("output = input", v, "--no-session {picture.png} --figure {picture.png}", replaces);
  add("output = input", c, profile + "--json {new} --trace {new}", "are the same file");

  // Shapes that do not belong together, numbers out of range.
  add("shape", c, "run --input {odd} --output {new}", "key has shape");
  add("shape", c, compare_run + "--grad-output {short.npy} --output {new}", "grad_output has shape");
  add("shape", c, "approximate --input {odd}", "key has shape");
  add("shape", c, "recommend --input {odd}", "key has shape");
  add("range", d, "capture --layer 9 --step 0 --output {new}" + of_model, "layer is 9");
  add("range", d, "sample --label 99 --grid {new}" + of_model, "label is 99");
  add("range", p, "--size 4", "size is 4");
  for (const auto& [option, hint] : {std::pair("--head 7", "--head is 7"),
                                     {"--batch 1", "--batch is 1"},
                                     {"--set 1", "--set is 1"},
                                     {"--level 9", "--level is 9"},
                                     {"--query 99,0", "query is x 99"},
                                     {"--size 0x0", "--size"},
                                     {"--levels 99", "--levels is 99"},
                                     {"--layout sideways", "layout"}})
    add("range", v, std::string("--no-session {qkv} --grid 8x8 --stored-order raster --export {new.csv} ") + option,
        hint);

  // A disk that is full: behind stdout, and as a limit on the size of files.
  for (const std::string& command : {check, verify, approximate, profile})
    add("stdout is full", c, command, "standard output", {}, "/dev/full");
  add("stdout is full", d, "evaluate --count 2 --steps 1 --directions 2 --no-full --data shapes" + of_model,
      "standard output", {}, "/dev/full");
  const std::string too_large = "File too large";
  add("file too large", c, compare_run + "--output {new}", too_large, "ulimit -f 1");
  add("file too large", d, "export --precision f32 --output {new}" + of_model, too_large, "ulimit -f 1");
  add("file too large", d, "capture --layer 0 --step 0 --steps 1 --output {new}" + of_model, too_large, "ulimit -f 1");
  add("file too large", c, "approximate --image {picture.png} --size 16 --heads 1 --plot {new.svg}", too_large,
      "ulimit -f 1");

  // Memory. The sanitizers take more of it than any limit allows.
#ifdef __SANITIZE_ADDRESS__
  return all;
#endif
  const std::string at_most = "ulimit -v 2000000", no_memory = "memory";
  add("memory", c, "profile --tokens 16777216 --heads 8 --repetitions 1 --dense-limit 0", no_memory, at_most);
  add("memory", d, "train --steps 1 --batch 100000 --output {run}", no_memory, at_most);
  add("memory", p, "--size 1024 --heads 64 --head-dim 256 --output {report}", no_memory, at_most);
  return all;
}

TEST(Failures, every_one_ends_with_its_status_and_one_line_and_every_file_as_it_was) {
  const Programs programs;
  const auto before = programs.contents();
  for (const Failure& failure : failures()) {
    SCOPED_TRACE(std::string(failure.name) + ": " + failure.program + " " + failure.command);
    const room::ProgramRun outcome = programs.run(failure);
    const std::string& error = outcome.err;
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(std::ranges::count(error, '\n'), 1) << error;
    EXPECT_TRUE(error.starts_with(fs::path(failure.program).filename().string() + ": ")) << error;
    EXPECT_NE(error.find(failure.hint), std::string::npos) << error;
    const auto after = programs.contents();
    if (after == before) continue;
    for (const auto& [path, content] : after) EXPECT_TRUE(before.contains(path)) << path << " is left over";
    for (const auto& [path, content] : before)
      EXPECT_TRUE(after.contains(path) && after.at(path) == content) << path << " is lost";
    FAIL() << "the rows that follow would mean nothing";
  }
}

}  // namespace
}  // namespace llsa::testing
