#include "viewer/model/judgement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "compare/load.hpp"
#include "compare/verify/verify.hpp"
#include "files/safetensors.hpp"

namespace llsa::viewer {
namespace {

namespace verify = compare::verify;

/// The row to look at: the first with a non-finite difference, else the worst.
std::optional<Finding::Place> place_of(const verify::TensorVerdict& tensor) {
  if (!tensor.comparison) return std::nullopt;
  const compare::Comparison& c = *tensor.comparison;
  const compare::Coordinate& at = c.nonfinite_differences > 0 ? c.first_nonfinite : c.worst;
  return Finding::Place{at[0], at[1], at[2], tensor.name == "dk" || tensor.name == "dv"};
}

std::string verdict_name(verify::Verdict verdict) {
  return verdict == verify::Verdict::right ? "right" : verdict == verify::Verdict::wrong ? "wrong" : "not judged";
}

std::string largest_error(const verify::TensorVerdict& tensor) {
  if (!tensor.comparison) return "";
  const compare::Comparison& c = *tensor.comparison;
  return fmt::format("largest error {:.3g} at {}: {:.6g}, expected {:.6g}", c.max_error, compare::describe(c.worst),
                     c.got, c.want);
}

Finding finding_of(const verify::TensorVerdict& tensor) {
  Finding finding{.tensor = tensor.name, .verdict = verdict_name(tensor.verdict), .text = {}};
  const auto& said = tensor.findings;
  finding.text = said.empty() ? largest_error(tensor) : said.front();
  if (said.size() > 1) finding.details.assign(said.begin() + 1, said.end());
  if (!said.empty() && tensor.comparison) finding.details.push_back(largest_error(tensor));
  finding.place = place_of(tensor);
  return finding;
}

compare::ProblemFiles problem_files(const Document& document) {
  if (document.is_generated || document.files.empty() || is_picture(document.files[0]))
    throw Error("open the Q, K, V that the kernel was given, then its outputs");
  if (document.files.size() == 3)
    return {.input = {},
            .query = document.files[0].string(),
            .key = document.files[1].string(),
            .value = document.files[2].string(),
            .output_gradient = {},
            .lse_gradient = {}};
  return {.input = document.files[0].string(),
          .query = {},
          .key = {},
          .value = {},
          .output_gradient = {},
          .lse_gradient = {}};
}

}  // namespace

bool is_kernel_output(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 6> inputs = {"q", "k", "v", "query", "key", "value"};
  constexpr std::array<std::string_view, 5> outputs = {"o", "lse", "dq", "dk", "dv"};
  const std::vector<std::string> names = files::read_safetensors_names(file);
  const auto is_one_of = [](const auto& known) {
    return [&known](const std::string& name) { return std::ranges::find(known, name) != known.end(); };
  };
  const bool writes = std::ranges::any_of(names, is_one_of(outputs)) ||
                      std::ranges::any_of(names, [](const std::string& name) { return name.starts_with("indices_"); });
  return writes && std::ranges::none_of(names, is_one_of(inputs));
}

void Judgement::judge(const std::filesystem::path& theirs, const Document& document, const AttentionChoice& how) {
  problem.clear();
  compare::ProblemFiles files;
  try {
    files = problem_files(document);
  } catch (const Error& error) {
    problem = fmt::format("{}: {}", theirs.string(), error.what());
    return;
  }
  lane_.start(
      [this, theirs, files, how](const Background::Job& job) {
        job.progress("judging " + theirs.filename().string());
        const auto loaded = compare::load_problem<double>(files, how);
        const verify::Theirs outputs = verify::read_theirs(files::read_tensor_file(theirs), loaded.problem);
        verify::VerifyOptions options;
        options.inputs = compare::coarsest_type(loaded.stored);
        options.on_step = [&job](std::string_view step) { job.progress(std::string(step)); };
        const verify::VerifyReport report = verify::verify(loaded.problem, outputs, options, job.threads());
        std::vector<Finding> findings;
        for (const verify::TensorVerdict& tensor : report.tensors) findings.push_back(finding_of(tensor));
        job.publish([this, theirs, findings, conclusion = std::string(verify::name_of(report.conclusion()))] {
          file_ = theirs;
          findings_ = findings;
          conclusion_ = conclusion;
        });
      },
      [this](const std::string& message) { problem = message; });
}

}  // namespace llsa::viewer
