// Implementations by name: what a build has, and what a name that it has not is answered with.
#include "backends/backends.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "../files/support.hpp"
#include "llsa/method.hpp"

namespace llsa {
namespace {

using files::testing::error_of;

std::string refusal(const std::string& method, const std::string& backend) {
  ThreadPool threads(1);
  return error_of([&] { make_attention<float>(method, backend, threads); });
}

TEST(Backends, every_method_runs_on_the_reference_and_an_unknown_one_is_named_with_those_there_are) {
  for (const std::string& method : method_names())
    EXPECT_EQ(refusal(method, "reference"), "nothing was thrown") << method;
  const std::string answer = refusal("lssa", "reference");
  EXPECT_NE(answer.find("lssa"), std::string::npos) << answer;
  for (const std::string& method : method_names()) EXPECT_NE(answer.find(method), std::string::npos) << answer;
}

TEST(Backends, an_unknown_backend_is_named_with_those_of_this_build) {
  std::string known;
  for (const std::string& name : backend_names()) known += (known.empty() ? "" : ", ") + name;
  EXPECT_EQ(refusal("llsa", "cude"), "backend is 'cude'; this build has: " + known);
  EXPECT_NE(refusal("lssa", "cude").find("lssa"), std::string::npos) << "the method is what is said first";
  EXPECT_EQ(refusal("llsa+mask-backward", "cude"), "backend is 'cude'; this build has: " + known);
}

TEST(Backends, the_dense_mask_is_the_references_and_f64_is_not_for_the_kernels) {
  const auto names = backend_names();
  if (std::ranges::find(names, "cuda-on-cpu") == names.end()) GTEST_SKIP() << "this build has the reference alone";
  EXPECT_EQ(refusal("llsa+mask-backward", "cuda-on-cpu"),
            "method 'llsa+mask-backward' runs on backend 'reference', not on 'cuda-on-cpu'");
  ThreadPool threads(1);
  EXPECT_EQ(error_of([&] { make_attention<double>("cuda-on-cpu", threads); }),
            "backend 'cuda-on-cpu' stores f32, f16 or bf16; f64 is for 'reference'");
}

}  // namespace
}  // namespace llsa
