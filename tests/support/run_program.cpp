#include "support/run_program.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace llsa::room {

RunningProgram::RunningProgram(const std::string& program, const std::string& arguments,
                               const std::filesystem::path& folder) {
  const std::string command = (folder.empty() ? "" : "cd '" + folder.string() + "' && ") + "exec '" + program + "' " +
                              arguments + " >'" + (texts_ / "out").string() + "' 2>'" + (texts_ / "err").string() +
                              "' </dev/null";
  child_ = fork();
  if (child_ == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
}

RunningProgram::~RunningProgram() {
  if (child_ <= 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

void RunningProgram::send(int signal) const {
  if (child_ > 0) kill(child_, signal);
}

bool RunningProgram::has_ended() {
  if (child_ > 0 && waitpid(child_, &status_, WNOHANG) == child_) child_ = 0;
  return child_ <= 0;
}

ProgramRun RunningProgram::wait() {
  if (child_ > 0) waitpid(child_, &status_, 0);
  child_ = 0;
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 1000 + WTERMSIG(status_), read_text(texts_ / "out"),
          read_text(texts_ / "err")};
}

ProgramRun run_program(const std::string& program, const std::string& arguments, const std::filesystem::path& folder) {
  return RunningProgram(program, arguments, folder).wait();
}

}  // namespace llsa::room
