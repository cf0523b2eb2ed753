#include "llsa/method.hpp"

#include <algorithm>

#include "llsa/error.hpp"

namespace llsa {
namespace {

Options one_level(Options options, int enrichment_levels, bool reweight) {
  options.levels = 1;
  options.enrichment_levels = enrichment_levels;
  options.reweight = reweight;
  if (options.top_k.size() > 1) options.top_k = {options.top_k.front()};
  return options;
}

}  // namespace

std::vector<std::string> method_names() {
  return {"llsa", "full", "topk", "topk+enrichment", "topk+enrichment+reweighting", "vsa", "sla", "llsa+mask-backward"};
}

void check_method(std::string_view method) {
  const std::vector<std::string> names = method_names();
  if (std::find(names.begin(), names.end(), method) != names.end()) return;
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw Error("method is '" + std::string(method) + "'; it must be one of " + known);
}

Options method_options(std::string_view method, Options options) {
  check_method(method);
  if (method == "full") {
    options.levels = 0;
    options.enrichment_levels = {};
    return options;
  }
  if (method == "topk" || method == "vsa" || method == "sla") return one_level(std::move(options), 0, false);
  if (method == "topk+enrichment") return one_level(std::move(options), 1, false);
  if (method == "topk+enrichment+reweighting") return one_level(std::move(options), 1, true);
  return options;
}

std::vector<ExtraInput> method_extras(std::string_view method, const Shape& query, const Shape& value) {
  check_method(method);
  if (method == "sla") return {{"w_p", {1, 1, value.dim, value.dim}, 0}, {"b_p", {1, 1, 1, value.dim}, 0}};
  if (method == "vsa") {
    const Shape gate{query.batch, query.heads, query.tokens, 1};
    return {{"gate_sparse", gate, 1}, {"gate_coarse", gate, 1}};
  }
  return {};
}

}  // namespace llsa
