#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <iostream>
#include <string>

namespace llsa::cuda::testing {

/// Runs a RapidCheck property at most `count` times, because every block is hundreds of fibers; its values come from
/// `*generator` inside.
template <class Property>
void check_all(const std::string& sentence, int count, Property property) {
  rc::detail::TestParams parameters = rc::detail::configuration().testParams;
  parameters.maxSuccess = std::min(parameters.maxSuccess, count);
  rc::detail::TestMetadata metadata;
  metadata.description = sentence;
  const rc::detail::TestResult result = rc::detail::checkTestable(std::move(property), metadata, parameters);
  rc::detail::printResultMessage(result, std::cerr);
  EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << sentence;
}

}  // namespace llsa::cuda::testing
