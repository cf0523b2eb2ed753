#pragma once

#include <rapidcheck.h>

#include <memory>

#include "support/temporary_folder.hpp"
#include "viewer/model/query_view.hpp"

namespace llsa::viewer {

/// A valid document and settings in a handful of numbers.
struct SmallProblem {
  Grid query_grid{1, 4, 4}, key_grid{1, 4, 4};
  std::int64_t dim = 4, value_dim = 4, batch = 1, heads = 1;
  Settings settings;
  std::string stored_order = "raster";
  bool integers = false;  ///< small whole numbers: scores tie
  std::uint64_t seed = 0;
};
std::ostream& operator<<(std::ostream& out, const SmallProblem& problem);

/// Grids of one to a few hundred cells, ragged ones and videos among them, self- and cross-attention, every option.
rc::Gen<SmallProblem> small_problems();

std::shared_ptr<const Document> document_of(const SmallProblem& problem);
/// The head that the settings name, selected.
std::shared_ptr<const HeadSelection> select(const SmallProblem& problem);

using room::TemporaryFolder;

/// The line that `work` throws as an `Error`, empty when it does not.
template <class Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace llsa::viewer
