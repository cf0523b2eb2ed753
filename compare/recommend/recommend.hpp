#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compare/approximate/input.hpp"
#include "compare/recommend/cost_model.hpp"
#include "compare/recommend/expectation.hpp"

namespace llsa::compare::recommend {

struct Request {
  std::int64_t tokens = 0, head_dim = 64, heads = 1;
  std::optional<double> max_error = {};    ///< relative L2 against dense attention
  std::optional<double> time_budget = {};  ///< seconds of one forward pass over all heads
};
/// What counts when neither limit is given.
inline constexpr double default_max_error = 0.1;

/// Throws `Error` naming the argument, its value and what is allowed.
void validate(const Request& request);

/// One setting with what it costs and what it misses. Without a setting: dense attention.
struct Candidate {
  std::optional<Setting> setting = {};
  ResolvedOptions options = {};
  Expectation expected = {};
  double keys_per_query = 0;
  double forward_seconds = 0, backward_seconds = 0;  ///< of all heads
};

struct Recommendation {
  /// Those that no other beats in both error and time, fastest first.
  std::vector<Candidate> front = {};
  std::size_t chosen = 0;
  std::string why = {};  ///< one or two sentences
};

/// Dense attention and every setting that `errors` knows for N.
std::vector<Candidate> expected_candidates(const Request& request, const Measurements& errors, const CostModel& cost);

/// The same settings with the errors measured on an input: the first batch entry, up to two heads, up to 1,024 queries.
std::vector<Candidate> measured_candidates(const Request& request, const approximate::Input& input,
                                           const std::vector<Setting>& settings, const CostModel& cost,
                                           const std::string& backend, ThreadPool& threads,
                                           const std::function<void(const std::string&)>& progress);

/// The fastest candidate within the error, or the most exact one within the time; with both limits the fastest that
/// keeps both. Where none keeps them, the closest, and `why` says so. `candidates` hold dense attention, so that an
/// error limit can always be kept.
Recommendation recommend(const Request& request, std::vector<Candidate> candidates);

std::string report(const Request& request, const Recommendation& recommendation, const std::string& error_source,
                   const std::string& time_source);
nlohmann::ordered_json json_of(const Request& request, const Recommendation& recommendation,
                               const std::string& error_source, const std::string& time_source);

}  // namespace llsa::compare::recommend
