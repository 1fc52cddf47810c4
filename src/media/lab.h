// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace intarsia {

/// Pixels of mode LAB are L, a, b in bytes: L 0-100 as 0-255, a and b as signed numbers of 8 bits (CIELAB as TIFF has
/// it, D50). Within 1 of what Pillow's colour management gives.
void lab_of_rgb(const std::uint8_t* rgb, std::uint8_t* lab);
[[nodiscard]] std::array<std::uint8_t, 3> rgb_of_lab(const std::uint8_t* lab);

}  // namespace intarsia
