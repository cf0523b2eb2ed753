#include "files/fuzz/fuzz.hpp"
#include "files/npy.hpp"

using namespace llsa::files;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](auto file, const auto& name) {
    const NamedTensor tensor = parse_npy(file, name);
    if (tensor.numbers().size() != static_cast<std::size_t>(checked_element_count(tensor.shape()))) std::abort();
  });
}
