// The interactive program under Xvfb, with injected mouse and keys. Skipped where Xvfb cannot start.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "files/safetensors.hpp"
#include "small_problem.hpp"
#include "viewer/model/command_line.hpp"
#include "viewer/model/export.hpp"
#include "viewer/model/session.hpp"

// Last: X11 defines macros (None, Success, ...) that other headers use as names.
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>

namespace llsa::viewer {
namespace {

using namespace std::chrono_literals;

/// A child process, stopped with its owner.
class Child {
 public:
  Child(std::vector<std::string> arguments, int keep_descriptor = -1) {
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // also when the test itself is killed
    if (keep_descriptor < 0) {
      const int null = open("/dev/null", O_WRONLY);
      dup2(null, 1);
    }
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  void signal(int number) const { kill(pid_, number); }
  /// The exit status, when the process ends in time; -1 otherwise.
  int wait(std::chrono::milliseconds limit) {
    for (auto waited = 0ms; waited < limit; waited += 20ms, std::this_thread::sleep_for(20ms)) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) != pid_) continue;
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    return -1;
  }

 private:
  pid_t pid_ = -1;
};

/// An X server of its own; `name()` is empty when none could be started.
class Server {
 public:
  Server() {
    int ends[2];
    if (pipe(ends) != 0) return;
    child_ = std::make_unique<Child>(std::vector<std::string>{"Xvfb", "-screen", "0", "1280x1024x24", "-nolisten",
                                                              "tcp", "-displayfd", std::to_string(ends[1])},
                                     ends[1]);
    close(ends[1]);
    pollfd ready{ends[0], POLLIN, 0};
    char text[16] = {};
    if (poll(&ready, 1, 10000) == 1 && read(ends[0], text, sizeof(text) - 1) > 0)
      name_ = ":" + std::to_string(std::atoi(text));
    close(ends[0]);
  }
  const std::string& name() const { return name_; }

 private:
  std::unique_ptr<Child> child_;
  std::string name_;
};

/// Finds the program's window and sends it what a person would do.
class Hand {
 public:
  explicit Hand(const std::string& server) : display_(XOpenDisplay(server.c_str())) {
    // The window may close before the last key is released; Xlib's own handler would end the test program.
    XSetErrorHandler([](Display*, XErrorEvent*) { return 0; });
  }
  ~Hand() {
    if (display_) XCloseDisplay(display_);
  }
  bool find_window() {
    for (int tries = 0; display_ && tries < 400; ++tries, std::this_thread::sleep_for(25ms)) {
      Window root = 0, parent = 0, *children = nullptr;
      unsigned count = 0;
      XQueryTree(display_, DefaultRootWindow(display_), &root, &parent, &children, &count);
      for (unsigned i = 0; i < count; ++i) {
        char* name = nullptr;
        if (XFetchName(display_, children[i], &name) && std::string(name) == "llsa-viewer") window_ = children[i];
        if (name) XFree(name);
      }
      if (children) XFree(children);
      if (window_) return true;
    }
    return false;
  }
  void move(int x, int y) {
    XWarpPointer(display_, None, window_, 0, 0, 0, 0, x, y);
    settle();
  }
  void click(int x, int y) {
    move(x, y);
    button(ButtonPress, 1);
    button(ButtonRelease, 1);
  }
  void key(KeySym symbol) {
    send_key(KeyPress, symbol, 0);
    send_key(KeyRelease, symbol, 0);
  }
  /// Down and up at once, many of them: shorter than a frame.
  void tap(KeySym symbol, int times) {
    for (int i = 0; i < times; ++i)
      for (const int type : {KeyPress, KeyRelease}) post_key(type, symbol, 0);
    settle();
  }
  /// With Control held down.
  void control(KeySym symbol) {
    send_key(KeyPress, XK_Control_L, 0);
    send_key(KeyPress, symbol, ControlMask);
    send_key(KeyRelease, symbol, ControlMask);
    send_key(KeyRelease, XK_Control_L, ControlMask);
  }

 private:
  void send_key(int type, KeySym symbol, unsigned modifiers) {
    post_key(type, symbol, modifiers);
    settle();
  }
  void post_key(int type, KeySym symbol, unsigned modifiers) {
    XEvent event{};
    event.xkey.type = type;
    event.xkey.display = display_;
    event.xkey.window = window_;
    event.xkey.root = DefaultRootWindow(display_);
    event.xkey.keycode = XKeysymToKeycode(display_, symbol);
    event.xkey.state = modifiers;
    event.xkey.same_screen = True;
    event.xkey.time = CurrentTime;
    XSendEvent(display_, window_, True, NoEventMask, &event);
  }
  void button(int type, unsigned number) {
    XEvent event{};
    event.xbutton.type = type;
    event.xbutton.display = display_;
    event.xbutton.window = window_;
    event.xbutton.root = DefaultRootWindow(display_);
    event.xbutton.button = number;
    event.xbutton.same_screen = True;
    XSendEvent(display_, window_, True, NoEventMask, &event);
    settle();
  }
  void settle() {
    XSync(display_, False);
    std::this_thread::sleep_for(150ms);
  }

  Display* display_;
  Window window_ = 0;
};

TEST(Window, mouse_and_keys_choose_query_level_and_theme_and_the_session_is_kept) {
  const Server server;
  if (server.name().empty()) GTEST_SKIP() << "Xvfb cannot start";
  TemporaryFolder folder;
  // One panel over nearly all of the window, so that it is known where the picture lies.
  Session session;
  session.hints.picture_size = Grid{1, 16, 16};
  session.settings[0].how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  for (PanelPlace& place : session.view.places) place.open = false;
  session.view.places[static_cast<std::size_t>(Panel::overlay)] = {true, {0, 0, 1, 1}};
  const auto file = folder / "session.json";
  save_session(file, session);
  setenv("DISPLAY", server.name().c_str(), 1);
  Child viewer({LLSA_VIEWER_PROGRAM, "--session", file.string(), "--size", "800x700", "--threads", "1"});
  Hand hand(server.name());
  ASSERT_TRUE(hand.find_window());
  std::this_thread::sleep_for(1500ms);
  hand.click(400, 350);  // near the middle of the picture
  hand.key(XK_2);
  hand.key(XK_t);
  hand.key(XK_Right);
  hand.control(XK_q);
  ASSERT_EQ(viewer.wait(30s), 0);
  const Session kept = load_session(file);
  const std::int64_t x = kept.view.query_cell % 16, y = kept.view.query_cell / 16;
  EXPECT_GE(x, 7);
  EXPECT_LE(x, 10);
  EXPECT_GE(y, 6);
  EXPECT_LE(y, 8);
  EXPECT_EQ(kept.view.level, 2);
  EXPECT_EQ(kept.view.theme, "light");
  EXPECT_EQ(kept.hints.picture_size, (Grid{1, 16, 16}));

  Child again({LLSA_VIEWER_PROGRAM, "--session", file.string(), "--size", "800x700", "--threads", "1"});
  Hand second(server.name());
  ASSERT_TRUE(second.find_window());
  std::this_thread::sleep_for(1500ms);
  second.key(XK_Left);
  second.tap(XK_Down, 5);
  std::this_thread::sleep_for(500ms);
  second.key(XK_c);
  second.control(XK_q);
  ASSERT_EQ(again.wait(30s), 0);
  const Session restored = load_session(file);
  EXPECT_EQ(restored.view.query_cell, kept.view.query_cell - 1 + 5 * 16) << "no press is lost";
  EXPECT_TRUE(restored.view.compare);
  EXPECT_EQ(restored.view.theme, "light");
}

TEST(Window, a_session_is_kept_when_the_program_is_asked_to_end) {
  const Server server;
  if (server.name().empty()) GTEST_SKIP() << "Xvfb cannot start";
  TemporaryFolder folder;
  setenv("DISPLAY", server.name().c_str(), 1);
  const auto file = folder / "session.json";
  Child viewer(
      {LLSA_VIEWER_PROGRAM, "--session", file.string(), "--picture-size", "8x8", "--top-k", "3", "--threads", "1"});
  Hand hand(server.name());
  ASSERT_TRUE(hand.find_window());
  EXPECT_FALSE(std::filesystem::exists(file));
  viewer.signal(SIGTERM);
  EXPECT_EQ(viewer.wait(30s), 130);
  EXPECT_EQ(load_session(file).settings[0].how.options.top_k, (std::vector<std::int64_t>{3}));
}

/// What `--export` writes of a view, without the paths.
std::string exported(const std::string& command, const std::filesystem::path& file) {
  const std::string rest = command.substr(std::string("llsa-viewer").size());
  EXPECT_EQ(std::system((LLSA_VIEWER_PROGRAM + rest + " --no-session --export " + file.string()).c_str()), 0)
      << command;
  return room::read_text(file);
}

TEST(Window, the_command_line_of_a_view_shows_the_same_again) {
  TemporaryFolder folder;
  Workspace work(1);
  work.open({}, {.picture_size = Grid{1, 12, 10}, .seed = 4});
  work.finish();
  work.side(0).settings.how.options = {
      .block_size = 3, .levels = 2, .top_k = {4, 2}, .enrichment_levels = 1, .coverage = Coverage::disjoint};
  work.side(0).settings.how.order = "hilbert";
  work.choose_query(57);
  work.finish();
  const std::string line = command_line(work);
  EXPECT_EQ(nlohmann::json::parse(exported(line, folder / "a.json")), selection_json(*work.document(), *work.query()))
      << line;
  // A file whose name a shell would take apart, several heads, and a choice between methods.
  std::vector<float> values(2 * 16 * 4);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7919 % 31) / 31;
  std::vector<files::NamedTensor> tensors;
  for (const char* name : {"q", "k", "v"})
    tensors.emplace_back(name, std::vector<std::int64_t>{1, 2, 16, 4}, std::span<const float>(values));
  const auto path = folder / "it's a file.safetensors";
  files::write_safetensors(path, tensors, {{"grid", "4x4"}, {"order", "raster"}});
  work.open({path}, {});
  work.finish();
  work.side(0).settings.head = 1;
  work.side(0).settings.how = {.method = "topk", .options = {.block_size = 2, .top_k = {3}}, .order = {}};
  work.choose_query(6);
  work.finish();
  const std::string second = command_line(work);
  EXPECT_EQ(nlohmann::json::parse(exported(second, folder / "b.json")), selection_json(*work.document(), *work.query()))
      << second;
}

TEST(Window, without_a_display_the_program_says_so_in_one_line) {
  unsetenv("DISPLAY");
  unsetenv("WAYLAND_DISPLAY");
  Child viewer({LLSA_VIEWER_PROGRAM, "--no-session"});
  EXPECT_EQ(viewer.wait(30s), 2);
}

}  // namespace
}  // namespace llsa::viewer
