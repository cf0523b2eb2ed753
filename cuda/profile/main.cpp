// llsa-cuda-profile: every stage timed on the device with CUDA events.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "cuda/profile/profile.hpp"
#include "llsa/error.hpp"

namespace {

llsa::DType dtype_from(const std::string& text) {
  for (const llsa::DType type : {llsa::DType::f32, llsa::DType::f16, llsa::DType::bf16})
    if (text == llsa::name_of(type)) return type;
  throw llsa::Error("--precision is '" + text + "'; it must be f32, f16 or bf16");
}

void write(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::ofstream file(part);
  file << text;
  file.close();
  if (!file || std::rename(part.c_str(), path.c_str()) != 0) throw llsa::Error("--json: cannot write " + path);
}

int run(int argc, char** argv) {
  CLI::App program("Times every stage of the CUDA implementation on tensors that lie on the device.");
  llsa::cuda::ProfileRequest request;
  std::vector<std::int64_t> tokens = {4096, 16384, 65536};
  std::string precision = "bf16", json;
  int levels = -1;
  program.add_option("--tokens", tokens, "lengths, separated by commas")->delimiter(',')->capture_default_str();
  program.add_option("--heads", request.heads, "attention heads")->capture_default_str();
  program.add_option("--head-dim", request.head_dim, "a multiple of 8 up to 256")->capture_default_str();
  program.add_option("--precision", precision, "storage type: f32, f16 or bf16")->capture_default_str();
  program.add_option("--block-size", request.options.block_size, "tokens per block")->capture_default_str();
  program.add_option("--top-k", request.options.top_k, "one number, or one for each level")
      ->delimiter(',')
      ->capture_default_str();
  program.add_option("--levels", levels, "coarse levels (default: automatic)");
  program.add_option("--repetitions", request.repetitions, "timed runs of each stage")->capture_default_str();
  program
      .add_option("--quadratic-limit", request.quadratic_limit,
                  "longest length for dense attention and the mask-based backward")
      ->capture_default_str();
  program.add_option("--json", json, "file for all lengths as one JSON array");
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  request.dtype = dtype_from(precision);
  if (levels >= 0) request.options.levels = levels;
  std::string all;
  for (const std::int64_t length : tokens) {
    request.tokens = length;
    const auto report = llsa::cuda::profile(request, {});
    fmt::print("{}\n", to_markdown(report));
    all += (all.empty() ? "[\n" : ",\n") + to_json(report);
  }
  if (!json.empty()) write(json, all + "]\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (const std::exception& error) {
  fmt::print(stderr, "llsa-cuda-profile: {}\n", error.what());
  return 2;
}
