#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "support/temporary_folder.hpp"

namespace llsa::room {

/// What a program left behind.
struct ProgramRun {
  int exit_code = -1;  ///< its exit status, or 1000 plus the signal that ended it
  std::string out, err;

  std::string all() const { return out + err; }
};

/// A program that runs beside the test, started through the shell with nothing on its standard input.
class RunningProgram {
 public:
  /// Both paths as the shell reads them: `program` is quoted, `arguments` are not. `folder` becomes its current one;
  /// the test's own when empty.
  RunningProgram(const std::string& program, const std::string& arguments, const std::filesystem::path& folder = {});
  /// Kills it when nobody waited for it.
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  void send(int signal) const;
  bool has_ended();
  /// Waits for its end.
  ProgramRun wait();

 private:
  TemporaryFolder texts_;
  pid_t child_;
  int status_ = 0;
};

/// Runs a program to its end.
ProgramRun run_program(const std::string& program, const std::string& arguments,
                       const std::filesystem::path& folder = {});

}  // namespace llsa::room
