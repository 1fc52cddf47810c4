// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/media.h"

namespace intarsia {

/// Floyd-Steinberg dithering of an L or RGB image to "1".
[[nodiscard]] Image dither_to_bilevel(const Image& image);
/// Floyd-Steinberg dithering of an RGB image to the 6 x 6 x 6 colours of the web palette.
[[nodiscard]] Image dither_to_web_palette(const Image& image);

}  // namespace intarsia
