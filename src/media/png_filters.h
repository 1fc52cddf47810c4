// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace intarsia {

/// Undoes PNG row filter `type` (0-4) in place. `above` is the row before, already undone, or null for the first;
/// `step` the bytes per pixel (at least 1). False when the type is unknown.
[[nodiscard]] bool undo_png_filter(int type, std::uint8_t* row, const std::uint8_t* above, std::size_t size, int step);

/// Writes the filter type and the filtered row to `to` (size + 1 bytes). With `filtered` the filter is the one with the
/// smallest sum of absolute differences, else none. `above` is the unfiltered row before, or null.
void apply_png_filter(bool filtered, const std::uint8_t* row, const std::uint8_t* above, std::size_t size, int step,
                      std::uint8_t* to);

}  // namespace intarsia
