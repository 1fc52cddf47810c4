// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "intarsia/media.h"

namespace intarsia {

/// a * b / 255, rounded, for bytes: Pillow's and Blinn's formula.
constexpr int multiply_255(int a, int b) {
  const int t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/// LA or RGBA with the colours multiplied by alpha (Pillow's La and RGBa), and back. Requires: mode LA or RGBA.
[[nodiscard]] Image premultiply(const Image& image);
[[nodiscard]] Image unpremultiply(const Image& image);

/// LAB with the sign bits of a and b flipped, so that their bytes are in the order of their values; and back.
[[nodiscard]] Image with_signs_flipped(const Image& lab);

}  // namespace intarsia
