#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

/// What the command line programs share.
namespace llsa::program {

/// What every program's exit status means.
enum ExitStatus : int {
  exit_done = 0,          ///< everything asked for was done, and what was judged is right
  exit_wrong = 1,         ///< something that was judged is wrong
  exit_not_judged = 3,    ///< nothing that was judged is wrong, but less was judged than is required
  exit_bad_input = 2,     ///< usage, files, shapes or options: one line on stderr says which
  exit_interrupted = 130  ///< stopped by Ctrl-C or a termination request
};

/// One line on stderr: "NAME: MESSAGE". Line breaks inside become blanks, those at the end are dropped.
void say(const std::string& name, std::string message);

/// An option's older name. It works for this release and says on stderr what it is called now.
struct OldSpelling {
  std::string old, now;
  std::string command = {};  ///< only after this command; empty: everywhere
};

/// What a program says where a general sentence would not help.
struct Words {
  std::string interrupted = "interrupted; nothing was written";
  std::string no_memory = "not enough memory for tensors of these shapes";
  std::vector<OldSpelling> old_spellings = {};
};

/// Parses the command line, which runs the commands' callbacks, then calls `body` for the exit status. --help is
/// printed. Every exception becomes one line on stderr and a status: `exit_interrupted` for `Cancelled`, else
/// `exit_bad_input`.
int run(CLI::App& program, int argc, char** argv, const std::function<int()>& body, const Words& words = {});

}  // namespace llsa::program
