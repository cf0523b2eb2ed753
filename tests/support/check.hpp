#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "llsa/error.hpp"
#include "support/verdict.hpp"

namespace llsa::testing {

/// Inside a RapidCheck property: fails it with the verdict's explanation.
inline void require(const Verdict& verdict) {
  if (!verdict) RC_FAIL(std::string(verdict.message()));
}

/// Checks a RapidCheck property as part of the current GoogleTest test. A failure prints the smallest counterexample
/// and the `RC_PARAMS` that bring it back.
template <class Property>
void check(const std::string& sentence, Property&& property) {
  EXPECT_TRUE(rc::check(sentence, std::forward<Property>(property))) << sentence;
}

/// Expects `function` to throw `Error` with exactly this message.
template <class Function>
void expect_error(const std::string& message, Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), message);
    return;
  }
  ADD_FAILURE() << "no Error was thrown; expected: " << message;
}

}  // namespace llsa::testing
