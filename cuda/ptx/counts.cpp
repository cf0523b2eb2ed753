#include "cuda/ptx/counts.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

namespace llsa::ptx {

std::string_view class_name(Class c) {
  static constexpr std::array<std::string_view, class_count> names = {
      "fp32",    "integer",   "compare", "move",   "convert", "special", "branch",   "barrier",
      "shuffle", "parameter", "shared",  "global", "atomic",  "matrix",  "ldmatrix", "copy_async"};
  return names[static_cast<std::size_t>(c)];
}

Counts& Counts::operator+=(const Counts& other) {
  launches += other.launches, blocks += other.blocks, threads += other.threads, instructions += other.instructions;
  block_shared_bytes = std::max(block_shared_bytes, other.block_shared_bytes);
  for (std::size_t c = 0; c < class_count; ++c) by_class[c] += other.by_class[c];
  matrix_operations += other.matrix_operations, barriers += other.barriers;
  divergent_branches += other.divergent_branches, copy_async_bytes += other.copy_async_bytes;
  shared_wavefronts += other.shared_wavefronts, best_wavefronts += other.best_wavefronts;
  global_sectors += other.global_sectors, distinct_sectors += other.distinct_sectors;
  missing_sectors += other.missing_sectors;
  return *this;
}

std::map<std::string, std::uint64_t> Counts::named() const {
  std::map<std::string, std::uint64_t> result = {{"launches", launches},
                                                 {"blocks", blocks},
                                                 {"threads", threads},
                                                 {"block_shared_bytes", block_shared_bytes},
                                                 {"instructions", instructions},
                                                 {"matrix_operations", matrix_operations},
                                                 {"barriers", barriers},
                                                 {"divergent_branches", divergent_branches},
                                                 {"copy_async_bytes", copy_async_bytes},
                                                 {"shared_wavefronts", shared_wavefronts},
                                                 {"best_wavefronts", best_wavefronts},
                                                 {"global_sectors", global_sectors},
                                                 {"distinct_sectors", distinct_sectors},
                                                 {"missing_sectors", missing_sectors}};
  for (std::size_t c = 0; c < class_count; ++c)
    result["instructions." + std::string(class_name(static_cast<Class>(c)))] = by_class[c];
  return result;
}

std::string readable_name(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : mangled;
  std::free(text);
  const auto drop = [&](const std::string& what) {
    for (std::size_t at; (at = name.find(what)) != std::string::npos;) name.erase(at, what.size());
  };
  drop("(anonymous namespace)::");
  // `void kernel_entry<Kernel, Params>(Params)`: the kernel says all.
  const std::string wrapper = "kernel_entry<";
  if (const std::size_t at = name.find(wrapper); at != std::string::npos) {
    const std::size_t begin = at + wrapper.size();
    std::size_t end = begin;
    for (int depth = 0; end < name.size() && (depth > 0 || (name[end] != ',' && name[end] != '>')); ++end)
      depth += name[end] == '<' || name[end] == '(' ? 1 : name[end] == '>' || name[end] == ')' ? -1 : 0;
    name = name.substr(begin, end - begin);
  } else {
    // A CUB kernel: its name without namespaces and arguments.
    name = name.substr(0, name.find_first_of("<("));
    name = name.substr(name.find_last_of(": ") + 1);
  }
  for (const char* what : {"llsa::cuda::on_gpu::", "llsa::", "(int)", "(bool)"}) drop(what);
  return name;
}

Counts& Counters::of(const std::string& mangled) {
  std::string& name = short_names_[mangled];
  if (name.empty()) name = readable_name(mangled);
  return by_kernel_[name];
}

Counters& counters() {
  static Counters value;
  return value;
}

void count_wavefronts(Counts& counts, const std::uint32_t* addresses, std::uint32_t lanes, std::uint32_t bytes) {
  const std::uint32_t words = std::max(bytes / 4, 1u), group = 32 / words;
  for (std::uint32_t first = 0; first < 32; first += group) {
    std::array<std::array<std::uint32_t, 32>, 32> seen;  // by bank; only the first `count` of each mean something
    std::array<std::uint8_t, 32> count{};
    std::uint32_t fullest = 0, different = 0;
    for (std::uint32_t lane = first; lane < first + group; ++lane) {
      if (!(lanes >> lane & 1)) continue;
      for (std::uint32_t k = 0; k < words; ++k) {
        const std::uint32_t word = addresses[lane] / 4 + k, bank = word % 32;
        bool known = false;
        for (std::uint32_t i = 0; i < count[bank]; ++i) known |= seen[bank][i] == word;
        if (known) continue;
        seen[bank][count[bank]++] = word;
        ++different;
        fullest = std::max<std::uint32_t>(fullest, count[bank]);
      }
    }
    counts.shared_wavefronts += fullest;
    counts.best_wavefronts += (different + 31) / 32;
  }
}

}  // namespace llsa::ptx
