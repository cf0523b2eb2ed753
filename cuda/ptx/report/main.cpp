// llsa-ptx-counts: what the compiled PTX of the kernels does, executed by an interpreter. Not a run on a GPU.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "cuda/ptx/report/chips.hpp"
#include "cuda/ptx/report/ratchet.hpp"
#include "cuda/ptx/report/resources.hpp"
#include "cuda/ptx/report/workload.hpp"
#include "cuda/ptx/settings.hpp"
#include "llsa/error.hpp"

namespace {

using llsa::ptx::Counts;

/// `registers` by kernel; a kernel that ptxas was not asked about here (CUB's) has none.
void print(const llsa::ptx::KernelCounts& counts, const llsa::ptx::Chip& chip, const llsa::ptx::Device& device,
           const std::map<std::string, int>& registers) {
  fmt::print("Counted while the compiled PTX was executed by an interpreter; not a run on a GPU. Bounds: {} ({}).\n\n",
             chip.name, chip.source);
  fmt::print("{:<44} {:>8} {:>12} {:>10} {:>9} {:>6} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9} {:>5}\n", "kernel",
             "launches", "instructions", "matrix", "ldmatrix", "banks", "sectors", "distinct", "missing", "bound us",
             "roof", "registers", "warps");
  for (const auto& [kernel, c] : counts) {
    const llsa::ptx::Bounds bounds = llsa::ptx::bounds(c, chip);
    const auto known = registers.find(kernel);
    const int used = known == registers.end() ? 0 : known->second;
    const auto of = [&](llsa::ptx::Class kind) { return c.by_class[static_cast<std::size_t>(kind)]; };
    const double banks =
        c.best_wavefronts ? static_cast<double>(c.shared_wavefronts) / static_cast<double>(c.best_wavefronts) : 0;
    fmt::print("{:<44} {:>8} {:>12} {:>10} {:>9} {:>6.2f} {:>9} {:>9} {:>9} {:>9.3f} {:>10} {:>9} {:>5}\n",
               kernel.substr(0, 44), c.launches, c.instructions, of(llsa::ptx::Class::matrix),
               of(llsa::ptx::Class::ldmatrix), banks, c.global_sectors, c.distinct_sectors, c.missing_sectors,
               1e6 * bounds.largest(), bounds.name_of_largest(), used ? fmt::to_string(used) : "-",
               used ? fmt::to_string(llsa::ptx::warps_per_multiprocessor(c, used, device)) : "-");
  }
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text) || !file.flush()) throw llsa::Error("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Counts what the compiled PTX of the kernels does, executed by an interpreter. Not a run on a GPU.");
  llsa::ptx::Workload workload;
  std::string dtype = "bf16", chip = "h100", json, reports = LLSA_PTXAS_REPORTS;
  app.add_option("--tokens", workload.tokens, "Tokens of a head")->capture_default_str();
  app.add_option("--heads", workload.heads, "Heads")->capture_default_str();
  app.add_option("--dim", workload.head_dim, "Head dimension")->capture_default_str();
  app.add_option("--block", workload.block_size, "Tokens of a block, B")->capture_default_str();
  app.add_option("--top-k", workload.top_k, "Blocks that a query selects, K")->capture_default_str();
  app.add_option("--levels", workload.levels, "Levels, L")->capture_default_str();
  app.add_option("--dtype", dtype, "f32, f16 or bf16")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  app.add_option("--chip", chip,
                 "Device that the stand-in shows, and whose roofs bound the times: a100, h100, h200, l40s")
      ->capture_default_str();
  app.add_option("--ptxas", reports, "Folder of the compiler's reports, for registers and warps of an SM");
  app.add_option("--json", json, "Write the counts to this file");
  CLI11_PARSE(app, argc, argv);
  try {
    workload.dtype = dtype == "f32" ? llsa::DType::f32 : dtype == "f16" ? llsa::DType::f16 : llsa::DType::bf16;
    const llsa::ptx::Chip& table = llsa::ptx::chip_named(chip);
    llsa::ptx::settings().device = llsa::ptx::device_named(chip);
    const llsa::ptx::Device& device = llsa::ptx::settings().device;
    const auto registers = llsa::ptx::read_registers(reports, device.major < 9 ? "sm_80" : "sm_90a");
    const llsa::ptx::KernelCounts counts = llsa::ptx::count_workload(workload);
    print(counts, table, device, registers);
    if (!json.empty()) write(json, llsa::ptx::to_json(counts));
  } catch (const llsa::Error& error) {
    std::cerr << "llsa-ptx-counts: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
