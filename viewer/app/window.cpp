#include "viewer/app/window.hpp"

#include <GLFW/glfw3.h>
#include <backends/imgui_impl_glfw.h>
#include <backends/imgui_impl_opengl3.h>
#include <imgui.h>

#include <memory>

#include "viewer/app/frame.hpp"
#include "viewer/app/headless.hpp"
#include "viewer/app/screenshot.hpp"
#include "viewer/draw/gl.hpp"
#include "viewer/model/key_queue.hpp"

namespace llsa::viewer {
namespace {

std::string last_problem;

/// GLFW, for as long as it is needed.
struct Library {
  Library() {
    glfwSetErrorCallback([](int, const char* text) { last_problem = text; });
    if (!glfwInit()) throw Error("no window: " + last_problem + "; --screenshot draws without one");
  }
  ~Library() { glfwTerminate(); }
};

using WindowPointer = std::unique_ptr<GLFWwindow, decltype(&glfwDestroyWindow)>;

WindowPointer make_window(int width, int height) {
  glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
  glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
  glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
  glfwWindowHint(GLFW_OPENGL_FORWARD_COMPAT, GLFW_TRUE);
  glfwWindowHint(GLFW_SCALE_TO_MONITOR, GLFW_TRUE);
  WindowPointer window(glfwCreateWindow(width, height, "llsa-viewer", nullptr, nullptr), glfwDestroyWindow);
  if (!window) throw Error("no window: " + last_problem + "; --screenshot draws without one");
  glfwMakeContextCurrent(window.get());
  glfwSwapInterval(1);
  return window;
}

/// The display's own scale: pixels a point.
float content_scale(GLFWwindow* window) {
  float x = 1, y = 1;
  glfwGetWindowContentScale(window, &x, &y);
  return x > 0 ? x : 1;
}

/// Keys that wait for their frame.
KeyQueue waiting_keys;

/// Dear ImGui on a GLFW window.
struct GlfwInput {
  explicit GlfwInput(GLFWwindow* window) {
    ImGui_ImplGlfw_InitForOpenGL(window, true);
    glfwSetKeyCallback(window, [](GLFWwindow*, int key, int scancode, int action, int modifiers) {
      waiting_keys.push({key, scancode, action, modifiers});
    });
  }
  ~GlfwInput() { ImGui_ImplGlfw_Shutdown(); }

  static void begin_frame(GLFWwindow* window) {
    for (const KeyEvent& event : waiting_keys.take_frame())
      ImGui_ImplGlfw_KeyCallback(window, event.key, event.scancode, event.action, event.modifiers);
    ImGui_ImplGlfw_NewFrame();
  }
};

void write_picture(GLFWwindow* window, Workspace& work, const std::string& path) {
  int width = 0, height = 0;
  glfwGetFramebufferSize(window, &width, &height);
  try {
    files::write_png(path, read_pixels(width, height));
    work.report("wrote " + path, false);
  } catch (const Error& error) {
    work.report(error.what(), true);
  }
}

/// The query of the command line, once there is a grid to find it on.
void choose_first_query(Workspace& work, std::optional<std::vector<std::int64_t>>& query) {
  try {
    choose_query_at(work, *query);
  } catch (const Error& error) {
    work.report(error.what(), true);
  }
  query.reset();
}

/// What --inspect asks for, once there are pictures; empty without.
std::function<void()> first_inspection(Workspace& work, const Targets& chosen) {
  if (chosen.inspect) return [&work, place = *chosen.inspect] { work.inspect(place); };
  if (chosen.inspect_everywhere)
    return [&work, sample = *chosen.inspect_everywhere] { work.inspect_everywhere(sample); };
  return {};
}

void say_what_is_missing(Workspace& work, const Targets& chosen) {
  try {
    require_chosen(work, chosen);
  } catch (const Error& error) {
    work.report(error.what(), true);
  }
}

/// Files that were dropped arrive here, between two frames.
void on_drop(GLFWwindow* window, int count, const char** paths) {
  auto& work = *static_cast<Workspace*>(glfwGetWindowUserPointer(window));
  work.drop({paths, paths + count});
}

}  // namespace

void run_window(const WindowStart& start, std::stop_token stop) {
  const Library library;
  const WindowPointer window = make_window(start.width, start.height);
  Workspace work(start.threads, [] { glfwPostEmptyEvent(); });
  glfwSetWindowUserPointer(window.get(), &work);
  glfwSetDropCallback(window.get(), on_drop);
  ImGuiSession imgui;
  const GlfwInput input(window.get());
  work.start(start.session);
  if (!start.message.empty()) work.report(start.message, true);
  {
    Ui ui(work);
    Frame frame(ui);
    float scale = 0;
    // Input may take two frames to show its effect (a tooltip's size, a closing box); then the window rests.
    int frames_wanted = 3;
    auto query = start.query;
    std::function<void()> inspect = first_inspection(work, start.chosen);
    bool checked = false;
    while (!glfwWindowShouldClose(window.get()) && !ui.requests.quit && !stop.stop_requested()) {
      if (frames_wanted > 0 || !waiting_keys.empty())
        glfwPollEvents();
      else
        glfwWaitEventsTimeout(work.busy() || work.scrub.playing || work.scrub.frames ? 0.05 : 0.5);
      const float wanted = content_scale(window.get()) * static_cast<float>(work.view.scale);
      if (wanted != scale || ui.requests.rescale_fonts) {
        apply_style(ui, wanted);
        imgui.reload_fonts();
        scale = wanted;
        ui.requests.rescale_fonts = false;
      }
      if (inspect && work.sampling().model() && !work.sampling().progress().busy) {
        inspect();
        inspect = nullptr;
      }
      if (query && work.document() && !inspect && !work.sampling().progress().busy) choose_first_query(work, query);
      if (!checked && work.shown().result().selection) {
        say_what_is_missing(work, start.chosen);
        checked = true;
      }
      ImGui_ImplOpenGL3_NewFrame();
      GlfwInput::begin_frame(window.get());
      ImGui::NewFrame();
      frame.draw();
      ImGui::Render();
      int width = 0, height = 0;
      glfwGetFramebufferSize(window.get(), &width, &height);
      glViewport(0, 0, width, height);
      glClearColor(0.06f, 0.065f, 0.075f, 1);
      glClear(GL_COLOR_BUFFER_BIT);
      ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
      if (const std::string path = frame.dialogs().take_picture_request(); !path.empty())
        write_picture(window.get(), work, path);
      glfwSwapBuffers(window.get());
      const ImGuiIO& io = ImGui::GetIO();
      const bool active = io.MouseDelta.x != 0 || io.MouseDelta.y != 0 || io.MouseWheel != 0 ||
                          ImGui::IsAnyMouseDown() || io.InputQueueCharacters.Size > 0 || ImGui::IsAnyItemActive();
      frames_wanted = active ? 3 : frames_wanted - 1;
    }
  }
  if (!start.session_file.empty()) save_session(start.session_file, work.session());
}

}  // namespace llsa::viewer
