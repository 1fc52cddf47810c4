// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "intarsia/media.h"

namespace intarsia {

/// Means of blocks of factor_x by factor_y pixels of `box`; alpha is a channel like the others. Blocks at the right and
/// lower edge are smaller. Requires: factors >= 1, the box inside the image and not empty, mode not P or 1.
[[nodiscard]] Image average_blocks(const Image& image, int factor_x, int factor_y, const std::array<int, 4>& box);

}  // namespace intarsia
