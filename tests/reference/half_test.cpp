#include "reference/attention.hpp"
#include "support/check.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(2);

template <class T>
void rounds(const char* sentence) {
  check(sentence, [] {
    const Case c = *cases();
    reference::ReferenceAttention<T> narrow(threads);
    reference::ReferenceAttention<float> wide(threads);
    require(rounds_the_float_results<T>(narrow, wide, c));
  });
}

TEST(ReferenceHalf, does_what_float_does_on_the_converted_inputs_and_rounds_once) {
  rounds<half>("half rounds float's results");
}
TEST(ReferenceBfloat16, does_what_float_does_on_the_converted_inputs_and_rounds_once) {
  rounds<bfloat16>("bfloat16 rounds float's results");
}

}  // namespace
}  // namespace llsa::testing
