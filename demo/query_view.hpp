#pragma once

#include <vector>

#include "demo/methods.hpp"
#include "files/image.hpp"
#include "plot/region.hpp"
#include "reference/pool.hpp"

namespace llsa::demo {

/// Everything needed to look at single queries: the tokens, the coarse keys, and how they lie on the picture.
struct QueryContext {
  const files::Image& picture;
  const datasets::PixelTokens& tokens;
  const TokenOrder& order;
  const reference::Pyramid<float>& key;  ///< as many levels as the methods that are looked at

  std::int64_t token_at(datasets::Pixel pixel) const {
    return order.from_raster()[static_cast<std::size_t>(pixel.row * picture.width + pixel.column)];
  }
  /// The pixels that token `t` of `level` stands for.
  plot::Region region(const Hierarchy& hierarchy, int level, std::int64_t t) const;
};

/// Dense attention of one query: the probability of every pixel, raster order.
std::vector<float> dense_probabilities(const QueryContext& context, const ResolvedOptions& options, std::int64_t head,
                                       datasets::Pixel query);

/// LLSA's: the probability of a coarse key is spread evenly over the pixels that it stands for, and with overlapping
/// coverage a pixel adds up what it gets at every level. Sums to 1 like the dense one. Pixels without any key get 0.
std::vector<float> sparse_probabilities(const QueryContext& context, const MethodResult& result, std::int64_t head,
                                        datasets::Pixel query);

/// The picture as one query meets it: every pixel in the mean colour of the finest key that covers it.
files::Image seen_by(const QueryContext& context, const MethodResult& result, std::int64_t head, datasets::Pixel query);

}  // namespace llsa::demo
