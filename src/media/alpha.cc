// SPDX-License-Identifier: Apache-2.0
#include "media/alpha.h"

#include <algorithm>

namespace intarsia {
namespace {

/// Applies `colour(value, alpha)` to every colour sample.
template <int kChannels, typename Colour>
void map_colours(const Image& from, Image& to, Colour colour) {
  const std::uint8_t* in = from.data();
  std::uint8_t* out = to.mutable_row(0);
  for (const std::uint8_t* end = in + from.byte_size(); in != end; in += kChannels, out += kChannels) {
    const int alpha = in[kChannels - 1];
    for (int c = 0; c < kChannels - 1; ++c) out[c] = static_cast<std::uint8_t>(colour(in[c], alpha));
    out[kChannels - 1] = static_cast<std::uint8_t>(alpha);
  }
}

template <typename Colour>
Image with_colours(const Image& image, Colour colour) {
  Image result = Image::uninitialized(image.mode(), image.width(), image.height());
  if (image.mode() == PixelMode::kLA) {
    map_colours<2>(image, result, colour);
  } else {
    map_colours<4>(image, result, colour);
  }
  return result;
}

}  // namespace

Image premultiply(const Image& image) {
  return with_colours(image, multiply_255);
}

Image with_signs_flipped(const Image& lab) {
  Image flipped = Image::uninitialized(lab.mode(), lab.width(), lab.height());
  const std::uint8_t* from = lab.data();
  std::uint8_t* to = flipped.mutable_row(0);
  for (std::size_t i = 0; i < lab.byte_size(); ++i)
    to[i] = static_cast<std::uint8_t>(from[i] ^ (i % 3 == 0 ? 0 : 0x80));
  return flipped;
}

Image unpremultiply(const Image& image) {
  return with_colours(image, [](int value, int alpha) {
    return alpha == 0 || alpha == 255 ? value : std::min(255 * value / alpha, 255);
  });
}

}  // namespace intarsia
