// The extension module with the tools of llsa-compare: verify, approximate and recommend. Results travel as text and
// JSON.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "compare/approximate/measure.hpp"
#include "compare/load.hpp"
#include "compare/recommend/recommend.hpp"
#include "compare/verify/report.hpp"
#include "compare/verify/theirs.hpp"
#include "compare/verify/verify.hpp"
#include "errors.hpp"
#include "files/tensor_file.hpp"
#include "llsa/error.hpp"
#include "llsa/thread_pool.hpp"

namespace nb = nanobind;
namespace compare = llsa::compare;
namespace files = llsa::files;

namespace {

/// Name, element type as .safetensors spells it, shape, address and number of bytes of a contiguous array.
using Given = std::tuple<std::string, std::string, std::vector<std::int64_t>, std::uintptr_t, std::int64_t>;
/// block_size, levels, top_k, enrichment_levels, reweight, disjoint, scale.
using OptionTuple = std::tuple<std::int64_t, int, std::vector<std::int64_t>, int, bool, bool, std::optional<double>>;

files::ElementType type_from(const std::string& name) {
  using enum files::ElementType;
  for (const files::ElementType type : {f16, bf16, f32, f64, i32, i64})
    if (files::name_of(type) == name) return type;
  throw llsa::Error("element type is " + name + "; it must be F16, BF16, F32, F64, I32 or I64");
}

files::NamedTensor tensor_of(const Given& given) {
  const auto& [name, type, shape, address, size] = given;
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (size > 0) std::memcpy(bytes.data(), reinterpret_cast<const void*>(address), bytes.size());
  return {name, type_from(type), shape, std::move(bytes)};
}

llsa::Options options_of(OptionTuple options) {
  auto& [block_size, levels, top_k, enrichment, reweight, disjoint, scale] = options;
  if (top_k.empty()) top_k = {1};
  return {.block_size = block_size,
          .levels = levels,
          .top_k = std::move(top_k),
          .enrichment_levels = enrichment,
          .reweight = reweight,
          .coverage = disjoint ? llsa::Coverage::disjoint : llsa::Coverage::overlapping,
          .scale = scale};
}

std::optional<llsa::DType> dtype_from(const std::string& name) {
  if (name.empty()) return {};
  return compare::dtype_from(type_from(name), "tolerance");
}

/// `{text, JSON}` of what `llsa-compare verify` says. `problem` holds q, k, v and, where given, grad_output, grad_lse.
std::tuple<std::string, std::string> verify(const std::vector<Given>& problem, OptionTuple options,
                                            const std::vector<Given>& theirs, const std::string& inputs,
                                            const std::string& tolerance, int threads) {
  compare::Problem<double> p;
  p.options = options_of(std::move(options));
  for (const Given& given : problem) {
    const files::NamedTensor tensor = tensor_of(given);
    if (tensor.name() == "grad_lse")
      p.lse_gradient = compare::per_token_tensor<double>(tensor);
    else
      (tensor.name() == "q"   ? p.query
       : tensor.name() == "k" ? p.key
       : tensor.name() == "v" ? p.value
                              : p.output_gradient) = files::to_tensor<double>(tensor);
  }
  files::TensorFile file;
  for (const Given& given : theirs) file.tensors.push_back(tensor_of(given));
  const compare::verify::Theirs outputs = compare::verify::read_theirs(file, p);
  llsa::ThreadPool pool(threads);
  const nb::gil_scoped_release released;
  const auto report = compare::verify::verify(
      p, outputs, {.tolerance = dtype_from(tolerance), .inputs = dtype_from(inputs).value_or(llsa::DType::f64)}, pool);
  return {compare::verify::to_text(report), compare::verify::to_json(report)};
}

compare::approximate::Input input_of(const std::vector<Given>& problem, std::vector<std::int64_t> grid,
                                     const std::string& order, std::optional<double> scale) {
  compare::approximate::Input input{.name = "given", .source = "tensors that were given", .order = "as stored"};
  for (const Given& given : problem) {
    const files::NamedTensor tensor = tensor_of(given);
    (tensor.name() == "q"   ? input.query
     : tensor.name() == "k" ? input.key
                            : input.value) = files::to_tensor<float>(tensor);
  }
  if (!grid.empty()) {
    if (grid.size() == 2) grid.insert(grid.begin(), 1);
    input.grid = llsa::Grid{grid[0], grid[1], grid[2]};
    input.order = order;
  }
  input.scale = scale.value_or(1.0 / std::sqrt(static_cast<double>(input.query.shape().dim)));
  return input;
}

/// How near each configuration (method, options, order) comes to dense attention, as JSON.
std::string approximate(const std::vector<Given>& problem, const std::vector<std::int64_t>& grid,
                        const std::string& order, std::optional<double> scale,
                        const std::vector<std::tuple<std::string, OptionTuple, std::string>>& configurations,
                        std::int64_t queries, int threads) {
  compare::approximate::Input input = input_of(problem, grid, order, scale);
  llsa::ThreadPool pool(threads);
  const nb::gil_scoped_release released;
  compare::approximate::Judge judge(std::move(input), queries, "reference", pool);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& [method, options, order_name] : configurations) {
    const auto m = judge.measure({.how = {.method = method, .options = options_of(options), .order = order_name}});
    rows.push_back({{"method", method},
                    {"block_size", m.options.block_size},
                    {"levels", m.options.levels},
                    {"top_k", m.options.top_k},
                    {"enrichment_levels", m.options.enrichment_levels},
                    {"reweight", m.options.reweight},
                    {"coverage", llsa::name_of(m.options.coverage)},
                    {"order", m.order},
                    {"keys_per_query", m.keys_per_query},
                    {"relative_l2", m.relative_l2},
                    {"cosine", m.cosine},
                    {"mass", m.mass},
                    {"seconds", m.seconds}});
  }
  return rows.dump();
}

/// `{text, JSON}` of what `llsa-compare recommend` says. With `problem` (q, k, v) errors are measured on it.
std::tuple<std::string, std::string> recommend(std::int64_t tokens, std::int64_t head_dim, std::int64_t heads,
                                               std::optional<double> max_error, std::optional<double> time_budget,
                                               const std::vector<Given>& problem, int threads) {
  namespace tool = compare::recommend;
  const tool::Request request{
      .tokens = tokens, .head_dim = head_dim, .heads = heads, .max_error = max_error, .time_budget = time_budget};
  tool::validate(request);
  const std::optional<compare::approximate::Input> input =
      problem.empty() ? std::nullopt : std::optional(input_of(problem, {}, "", std::nullopt));
  llsa::ThreadPool pool(threads);
  const nb::gil_scoped_release released;
  const tool::Measurements& shipped = tool::Measurements::shipped();
  std::set<std::int64_t> blocks;
  for (const tool::Setting& setting : shipped.settings()) blocks.insert(setting.block_size);
  const tool::CostModel cost = tool::calibrate({blocks.begin(), blocks.end()}, head_dim, "reference", pool);
  std::vector<tool::Candidate> candidates =
      input ? tool::measured_candidates(request, *input, shipped.settings(), cost, "reference", pool,
                                        [](const std::string&) {})
            : tool::expected_candidates(request, shipped, cost);
  const tool::Recommendation result = tool::recommend(request, std::move(candidates));
  std::string sources;
  for (const std::string& source : shipped.sources()) sources += (sources.empty() ? "" : "; ") + source;
  const std::string errors =
      input ? "measured on the tensors that were given (first batch entry, up to 2 heads, up to 1,024 queries)."
            : "medians and ranges over what comes with the project: " + sources +
                  ". Attention of other models can be easier or harder to approximate; q, k and v measure it.";
  const std::string times = "all heads, estimated from a calibration on this machine just now (" +
                            std::to_string(pool.threads()) + " threads) and the number of keys.";
  return {tool::report(request, result, errors, times), tool::json_of(request, result, errors, times).dump()};
}

}  // namespace

NB_MODULE(_tools, m) {
  pyllsa::raise_errors_as_value_errors();
  m.def("verify", &verify);
  m.def("approximate", &approximate);
  m.def("recommend", &recommend);
}
