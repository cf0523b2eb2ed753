#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

/// What `scripts/mutate` compiles into every source of its copy: which mutant is alive, and which ones were reached.
namespace llsa_mutant {

constexpr int most = 1 << 16;  ///< the size of the map of reached mutants, in bytes

/// `LLSA_MUTANT`, the number of the one mutant that is alive; 0 is none.
inline int read_alive() {
  const char* number = std::getenv("LLSA_MUTANT");
  return number ? std::atoi(number) : 0;
}

/// The file `LLSA_MUTANT_MAP`, shared by all processes of a test, where each mutant that is met sets its byte.
inline unsigned char* open_map() {
  const char* path = std::getenv("LLSA_MUTANT_MAP");
  const int file = path ? open(path, O_RDWR) : -1;
  if (file < 0) return nullptr;
  void* map = mmap(nullptr, most, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return map == MAP_FAILED ? nullptr : static_cast<unsigned char*>(map);
}

inline const int alive = read_alive();
inline unsigned char* const reached = open_map();

/// Whether mutant `number` is alive. Never where the compiler evaluates, so that `constexpr` functions can have
/// mutants.
constexpr bool is(int number) {
  if (__builtin_is_constant_evaluated()) return false;
  if (reached) reached[number] = 1;
  return alive == number;
}

}  // namespace llsa_mutant
