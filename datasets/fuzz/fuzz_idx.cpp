#include "files/fuzz/fuzz.hpp"
#include "datasets/idx.hpp"

using namespace llsa::datasets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [size](auto file, const auto& name) {
    for (const int rank : {1, 3})
      if (parse_idx(file, rank, name).values.size() > size) std::abort();
  });
}
