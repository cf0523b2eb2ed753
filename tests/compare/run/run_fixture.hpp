#pragma once

#include <gtest/gtest.h>

#include <string>

#include "../cli.hpp"
#include "compare/problem_cases.hpp"
#include "files/safetensors.hpp"

namespace llsa::compare::run {

/// Two batch entries, two heads, 70 queries and 90 keys.
inline Problem<double> small_problem() {
  return make_problem(
      {.name = "", .query = {2, 2, 70, 8}, .key = {2, 2, 90, 8}, .value_dim = 5, .options = {}, .seed = 5});
}

/// Q, K and V as `Workplace::write` names them.
inline const std::string files = "--q q.npy --k k.npy --v v.npy ";

/// The small problem in a folder of its own, where the program runs.
class CliRun : public ::testing::Test {
 protected:
  CliRun() { work.write(small_problem()); }
  files::TensorFile output(const std::string& name = "out.safetensors") {
    return files::read_safetensors(work.path(name));
  }
  Workplace work;
};

}  // namespace llsa::compare::run
