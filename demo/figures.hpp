#pragma once

#include <filesystem>
#include <vector>

#include "demo/capture.hpp"
#include "demo/query_view.hpp"
#include "demo/scaling.hpp"

namespace llsa::demo {

/// The head of the picture's projection that pictures of single queries show: it weighs all features alike.
inline constexpr std::int64_t shown_head = 0;

/// What the levels of an LLSA method select for one query pixel, over the picture: the coarsest level first, then the
/// picture as the query meets it.
void draw_selection(const std::filesystem::path& path, const QueryContext& context, const MethodResult& llsa,
                    std::int64_t head, datasets::Pixel query);

/// What every level selects for one query pixel in the captures of `forming` (three steps by three layers), over the
/// pictures that the model expected then.
void draw_forming(const std::filesystem::path& path, const std::vector<Capture>& forming, std::int64_t head,
                  datasets::Pixel query, ThreadPool& threads);

/// Attention of one query pixel, in one range: dense (`results.front()`) and that of the methods at `shown`.
void draw_attention(const std::filesystem::path& path, const QueryContext& context,
                    const std::vector<MethodResult>& results, const std::vector<std::size_t>& shown, std::int64_t head,
                    datasets::Pixel query);

/// The colours that each pixel attends to on average: the picture, dense attention's and LLSA's.
void draw_outputs(const std::filesystem::path& path, const QueryContext& context,
                  const std::vector<MethodResult>& results, const datasets::ProjectionOptions& projection);

/// The relative error of each pixel's output against dense attention, all heads together, for the LLSA methods.
void draw_errors(const std::filesystem::path& path, const QueryContext& context,
                 const std::vector<MethodResult>& results);

/// Time against tokens for one head, with the spread of the repetitions. Dense attention is continued as N^2, marked
/// so.
void draw_scaling(const std::filesystem::path& path, const std::vector<ScalingPoint>& points);

}  // namespace llsa::demo
