#include "compare/describe_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace llsa::compare {

std::map<std::string, std::string> describe_options(const ResolvedOptions& o) {
  return {{"block_size", std::to_string(o.block_size)},
          {"levels", std::to_string(o.levels)},
          {"top_k", fmt::format("{}", fmt::join(o.top_k, ","))},
          {"enrichment_levels", std::to_string(o.enrichment_levels)},
          {"reweight", o.reweight ? "true" : "false"},
          {"coverage", std::string(name_of(o.coverage))},
          {"scale", fmt::format("{}", o.scale)}};
}

}  // namespace llsa::compare
