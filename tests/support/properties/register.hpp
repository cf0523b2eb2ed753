#pragma once

#include "support/check.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {

/// Makes one GoogleTest test of every property for an implementation: `Suite.sentence`. `implementation()` is called
/// when a test runs and may return null where the implementation cannot run, which skips the test. Call it before
/// `RUN_ALL_TESTS`, for instance from the initialiser of a global.
template <class T>
bool register_properties(const std::string& suite, const std::function<std::shared_ptr<Attention<T>>()>& implementation,
                         const Limits& limits = {}) {
  class PropertyTest : public ::testing::Test {
   public:
    PropertyTest(Property<T> property, std::function<std::shared_ptr<Attention<T>>()> make, Limits largest)
        : property_(std::move(property)), make_(std::move(make)), limits_(largest) {}
    void TestBody() override {
      const std::shared_ptr<Attention<T>> attention = make_();
      if (!attention) GTEST_SKIP() << "the implementation cannot run here";
      check(property_.sentence, [&] {
        const Case c = *cases(limits_);
        classify(c);
        require(property_.holds(*attention, c));
      });
    }

   private:
    Property<T> property_;
    std::function<std::shared_ptr<Attention<T>>()> make_;
    Limits limits_;
  };
  for (const Property<T>& property : attention_properties<T>())
    ::testing::RegisterTest(suite.c_str(), property.sentence.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=]() -> ::testing::Test* { return new PropertyTest(property, implementation, limits); });
  return true;
}

}  // namespace llsa::testing
