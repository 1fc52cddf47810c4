// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "intarsia/media.h"

namespace intarsia {

/// An RGBA image with a palette of at most `colours` colours of its own, opacity included: Pillow's fast octree.
/// Requires: mode RGBA, 1 <= colours <= 256.
[[nodiscard]] Image quantize_octree(const Image& image, int colours);

}  // namespace intarsia
