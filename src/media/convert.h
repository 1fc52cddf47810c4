// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/media.h"

namespace intarsia {

/// Pillow's Image.convert(mode) with its default arguments: same integer formulas, Floyd-Steinberg dithering to "1" and
/// to "P" (the 216-colour web palette; of RGBA a palette of its own). To and from LAB within 1 of Pillow's colour
/// management. Throws Error(kInvalidArgument) for pairs of modes that Pillow refuses too.
[[nodiscard]] Image convert(const Image& image, PixelMode mode);

}  // namespace intarsia
