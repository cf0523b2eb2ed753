#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cuda/profile/profile.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

std::string to_markdown(const ProfileReport& r) {
  std::string text = fmt::format(
      "{}, compute capability {}.{}, driver for CUDA {}, runtime {}; {}, {} heads of {}, {} tokens, B = {}, {} levels, "
      "{:.0f} keys a query; "
      "{} repetitions, median ± half the interquartile range.\nA copy on the device moves {:.0f} GB/s (read and "
      "written).\n\n",
      r.device.name, r.device.compute_major, r.device.compute_minor, r.device.driver_version, r.device.runtime_version,
      name_of(r.request.dtype), r.request.heads, r.request.head_dim, r.request.tokens, r.request.options.block_size,
      r.levels, r.keys_per_query, r.request.repetitions, r.copy_bytes_per_second * 1e-9);
  text += "| stage | warm, us | L2 flushed, us | us a head | TFLOP/s | GB/s |\n|---|---|---|---|---|---|\n";
  for (const StageProfile& s : r.stages)
    text += fmt::format("| {} | {:.1f} ± {:.1f} | {:.1f} ± {:.1f} | {:.2f} | {:.2f} | {:.1f} |\n", s.name,
                        s.warm.median * 1e6, s.warm.spread * 1e6, s.flushed.median * 1e6, s.flushed.spread * 1e6,
                        s.warm.median * 1e6 / static_cast<double>(r.request.heads), s.flops / s.warm.median * 1e-12,
                        s.bytes / s.warm.median * 1e-9);
  return text;
}

std::string to_json(const ProfileReport& r) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::array();
  for (const StageProfile& s : r.stages)
    stages.push_back({{"name", s.name},
                      {"warm_seconds", s.warm.median},
                      {"warm_spread_seconds", s.warm.spread},
                      {"flushed_seconds", s.flushed.median},
                      {"flushed_spread_seconds", s.flushed.spread},
                      {"flops", s.flops},
                      {"bytes", s.bytes}});
  const nlohmann::ordered_json json{{"device", r.device.name},
                                    {"driver_version", r.device.driver_version},
                                    {"runtime_version", r.device.runtime_version},
                                    {"dtype", name_of(r.request.dtype)},
                                    {"tokens", r.request.tokens},
                                    {"heads", r.request.heads},
                                    {"head_dim", r.request.head_dim},
                                    {"block_size", r.request.options.block_size},
                                    {"top_k", r.request.options.top_k},
                                    {"levels", r.levels},
                                    {"keys_per_query", r.keys_per_query},
                                    {"repetitions", r.request.repetitions},
                                    {"copy_bytes_per_second", r.copy_bytes_per_second},
                                    {"stages", stages}};
  return json.dump(2) + "\n";
}

}  // namespace llsa::cuda::inline LLSA_WORLD
