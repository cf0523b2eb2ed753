#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace llsa::viewer {

/// A measured time, from a benchmark named `<backend>/<method>/<pass>/<stage>/<tokens>`.
struct ProfilePoint {
  double tokens = 0, milliseconds = 0;
  /// What counted work takes at least at the device's measured ceilings, where the file has both.
  std::optional<double> bound = {};
};

struct ProfileSeries {
  std::string backend, method, pass, stage;
  std::vector<ProfilePoint> points;  ///< ascending in tokens

  std::string group() const { return backend + " " + method + " " + pass; }
  /// `e` of the fit milliseconds ~ tokens^e over the points' logarithms; empty for fewer than two.
  std::optional<double> exponent() const;
};

/// Where two methods of one backend and pass take the same time.
struct Crossover {
  std::string backend, pass, faster, slower;  ///< methods; `faster` wins beyond `tokens`
  double tokens = 0;
};

/// What `llsa-compare profile --json` wrote (google-benchmark's schema).
struct Profile {
  std::filesystem::path file;
  std::vector<ProfileSeries> series;  ///< in the order of the file
  std::vector<Crossover> crossovers;  ///< of the totals

  /// Groups `<backend> <method> <pass>` in the order of the file.
  std::vector<std::string> groups() const;
};

/// Medians are taken where the file has them, else the median of its iterations. Benchmarks with other names are left
/// out. Throws `Error` that begins with the path when it is not such a file or holds none.
Profile load_profile(const std::filesystem::path& file);

/// The tokens at which curve `a` falls below `b` for good, by straight lines between points on log axes; empty when it
/// never does or is below throughout their common range.
std::optional<double> crossing(const std::vector<ProfilePoint>& a, const std::vector<ProfilePoint>& b);

}  // namespace llsa::viewer
