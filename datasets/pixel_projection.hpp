#pragma once

#include <cstdint>
#include <vector>

#include "datasets/pixel_features.hpp"
#include "files/image.hpp"
#include "llsa/tensor.hpp"
#include "llsa/token_order.hpp"

namespace llsa::datasets {

/// How pixels become queries, keys and values: a stand-in for a trained layer, chosen so that attention does something
/// one can see. It looks for pixels whose surroundings are alike, and prefers near ones.
struct ProjectionOptions {
  std::int64_t heads = 4, head_dim = 64;
  std::uint64_t seed = 1;
  double sharpness = 16;  ///< the score (after the scale 1/sqrt(D)) of a pixel with itself
};
/// Throws `Error` unless heads is 1..64, head_dim a multiple of 16 in 16..256, sharpness above 0 and at most 1000.
void validate(const ProjectionOptions& options);

/// `[1, heads, tokens, head_dim]`, tokens in sequence order.
struct PixelTokens {
  Tensor<float> query, key, value;
};

/// For each head, with seeded random matrices W and U of orthonormal columns and the head's emphasis e (see below):
///   u = (e * features, 1), normalised to length 1
///   Q = K = sqrt(sharpness) D^(1/4) R(row, column) W u
///   V = U (r, g, b, features), colours in [0, 1]
/// so that the score of two pixels, were they at the same place, is sharpness * cos(u_i, u_j).
///
/// R is a 2-D rotary position embedding: of each eight pairs of dimensions one turns with the row and one with the
/// column (the others keep likeness visible from afar), by angles 2 pi / wavelength with wavelengths spaced
/// geometrically from 32 pixels to 4 times the longer side. Heads differ in W, U and, in turn, in e: all features; the
/// colours of the small neighbourhood; the colours of the large one; the contrasts.
PixelTokens project(const files::Image& picture, const Features& features, const TokenOrder& order,
                    const ProjectionOptions& options);

/// What head `head` emphasises, in words.
const char* emphasis_name(std::int64_t head);

/// The colour part of values or outputs of one head, as a picture: `U^T O`, clamped to [0, 1]. Inverts V exactly, so
/// for attention outputs it is the mean colour of what each pixel attends to.
files::Image colors_of(HeadView<const float> values, std::int64_t head, const TokenOrder& order, int width, int height,
                       const ProjectionOptions& options);

/// Three pixels that look as different as possible: greedily the farthest in features, on a coarse grid of places.
struct Pixel {
  int row = 0, column = 0;
};
std::vector<Pixel> distinct_pixels(const Features& features, int count);

}  // namespace llsa::datasets
