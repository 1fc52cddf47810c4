// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "media/tiff_layout.h"

namespace intarsia {

/// The pixels as stored, strip by strip or tile by tile. Throws Error(kInvalidDataFormat) when they are damaged.
/// Requires: not layout.by_libtiff.
[[nodiscard]] Image read_tiff_pixels(TIFF* file, const TiffLayout& layout);

}  // namespace intarsia
