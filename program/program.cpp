#include "program/program.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>

#include "llsa/error.hpp"

namespace llsa::program {
namespace {

/// "give a command: run, verify; --help describes them".
std::string ask_for_command(const CLI::App& program) {
  std::string names;
  for (const CLI::App* command : program.get_subcommands({}))
    names += (names.empty() ? "" : ", ") + command->get_name();
  return "give a command: " + names + "; --help describes them";
}

std::string output_problem() {
  return std::string("standard output cannot be written: ") + std::strerror(errno != 0 ? errno : EIO);
}

/// A report that nobody can read is none: a full disk behind stdout is an error.
void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw Error(output_problem());
}

/// "--out=x" as "--output=x" where "--out" is an older name, said in one line.
std::vector<std::string> in_new_spelling(const std::string& program, int argc, char** argv,
                                         const std::vector<OldSpelling>& old_spellings) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::vector<std::string> given = arguments;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    for (const OldSpelling& each : old_spellings) {
      const auto before = given.begin() + static_cast<std::ptrdiff_t>(i);
      if (!each.command.empty() && std::find(given.begin(), before, each.command) == before) continue;
      const std::string option = given[i].substr(0, given[i].find('='));
      if (option != each.old) continue;
      arguments[i] = each.now + given[i].substr(option.size());
      say(program, each.old + " is now " + each.now + "; the old name goes with the next release");
    }
  return arguments;
}

}  // namespace

void say(const std::string& name, std::string message) {
  while (!message.empty() && message.back() == '\n') message.pop_back();
  std::ranges::replace(message, '\n', ' ');
  fmt::print(stderr, "{}: {}\n", name, message);
}

int run(CLI::App& program, int argc, char** argv, const std::function<int()>& body, const Words& words) {
  const auto refuse = [&](const std::string& message, ExitStatus status) {
    say(program.get_name(), message);
    return status;
  };
  // A file-size limit then fails the write, which says so, instead of killing the program in the middle of it.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    std::vector<std::string> arguments = in_new_spelling(program.get_name(), argc, argv, words.old_spellings);
    std::ranges::reverse(arguments);  // as CLI11 takes them
    program.parse(std::move(arguments));
    const int status = body();
    flush_output();
    return status;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      const int status = program.exit(error);
      return std::fflush(stdout) == 0 ? status : exit_bad_input;
    }
    const bool commandless = program.get_require_subcommand_min() > 0 && program.get_subcommands().empty();
    return refuse(commandless ? ask_for_command(program) : error.what(), exit_bad_input);
  } catch (const Cancelled&) {
    return refuse(words.interrupted, exit_interrupted);
  } catch (const std::bad_alloc&) {
    return refuse(words.no_memory, exit_bad_input);
  } catch (const std::system_error& error) {
    errno = error.code().value();
    return refuse(std::ferror(stdout) != 0 ? output_problem() : error.what(), exit_bad_input);
  } catch (const std::exception& error) {
    return refuse(error.what(), exit_bad_input);
  }
}

}  // namespace llsa::program
