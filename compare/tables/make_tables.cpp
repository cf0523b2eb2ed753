#include "compare/tables/make_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backends/backends.hpp"
#include "compare/tables/report.hpp"
#include "files/atomic_file.hpp"
#include "files/make_folder.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::tables {
namespace {

/// "4b" has two parts; the second is written beside the first.
template <class Measured>
void write(const Measured& measured, const TablesRequest& request, const std::string& suffix,
           const std::string& computed_on, const std::function<void(const std::string&)>& print) {
  const std::string text = markdown(measured, request.scale) + "\n" + computed_on + "\n";
  const auto path = [&](const char* ending) { return request.out / (measured.table.name + suffix + ending); };
  nlohmann::ordered_json json = json_of(measured, request.scale);
  json["computed_on"] = computed_on;
  files::write_file_atomically(path(".md"), text);
  files::write_file_atomically(path(".json"), json.dump(1) + "\n");
  plot(measured, path(".png"));
  plot(measured, path(".svg"));
  print(text);
}

}  // namespace

std::string backend_for(const std::string& name) {
  if (name != "auto") return name;
  const std::vector<std::string> names = backend_names();
  if (std::ranges::find(names, "cuda") == names.end()) return "reference";
  try {
    ThreadPool threads(1);
    make_attention<float>("llsa", "cuda", threads);
    return "cuda";
  } catch (const Error&) {
    return "reference";  // no device
  }
}

void make_tables(const TablesRequest& request, std::stop_token stop, const TrainingProgress& progress,
                 const std::function<void(const std::string&)>& print) {
  const Scale& scale = request.scale;
  validate(scale);
  const std::string backend = backend_for(request.backend);
  int threads = 0;
  {
    ThreadPool pool(request.threads);
    make_attention<float>("llsa", backend, pool);
    threads = pool.threads();
  }
  std::vector<TrainingTable> trained;
  for (const std::string& name : request.names)
    if (auto table = training_table(name, scale)) trained.push_back(std::move(*table));
  for (const TrainingTable& table : trained)
    for (const TrainingRow& row : table.rows) diffusion::validate(row.config);
  files::make_folder(request.out);

  const std::string on = fmt::format("Backend {}, {} thread{}.", backend, threads, threads == 1 ? "" : "s");
  const RunPlace place{.folder = request.out / "runs",
                       .backend = backend,
                       .threads = request.threads,
                       .checkpoint_every = request.checkpoint_every};
  for (const MeasuredTraining& measured : measure_training(trained, scale, place, stop, progress)) {
    write(measured, request, "", on, print);
    if (scale.curve_points > 0)
      for (const char* ending : {".png", ".svg"})
        plot_curves(measured, request.out / (measured.table.name + "-curves" + ending));
  }
  for (const std::string& name : request.names) {
    const auto table = timing_table(name, scale);
    if (!table) continue;
    const MeasuredTiming measured = measure_timing(*table, scale, backend, request.threads, stop,
                                                   [&](const std::string& what) { progress(0, 0, what); });
    write(measured, request, training_table(name, scale) ? "-attention" : "", on, print);
  }
}

}  // namespace llsa::compare::tables
