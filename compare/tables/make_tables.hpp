#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "compare/tables/measure_training.hpp"

namespace llsa::compare::tables {

struct TablesRequest {
  std::vector<std::string> names = {};  ///< of `table_names`
  Scale scale = {};
  std::filesystem::path out = "out/tables";
  std::string backend = "auto";  ///< "auto": "cuda" where it runs, else "reference"
  int threads = 0;
  std::int64_t checkpoint_every = 50;
};

/// "auto" resolved, as above; another name unchanged.
std::string backend_for(const std::string& name);

/// Makes the tables and writes, for each, NAME.md, NAME.json, NAME.png and NAME.svg (with curves also NAME-curves.png
/// and .svg) into `out` (created if missing), where the training runs lie below runs/. Finished runs are reused,
/// interrupted ones continued. Each table's Markdown is also given to `print`. Throws `Error` before any work for a
/// scale out of range or a folder that cannot be made; `Cancelled` when stopped.
void make_tables(const TablesRequest& request, std::stop_token stop, const TrainingProgress& progress,
                 const std::function<void(const std::string&)>& print);

}  // namespace llsa::compare::tables
