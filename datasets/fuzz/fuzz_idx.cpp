#include "datasets/idx.hpp"
#include "files/fuzz/fuzz.hpp"
#include "files/tensor_file.hpp"

using namespace llsa::datasets;
using namespace llsa::files;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](auto file, const auto& name) {
    for (const int rank : {1, 3}) {
      const IdxArray array = parse_idx(file, rank, name);
      if (array.values.size() != static_cast<std::size_t>(checked_element_count(array.shape))) std::abort();
    }
  });
}
