// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "intarsia/media.h"

namespace intarsia {

/// Pillow's numbers of Image.transpose.
enum class Transpose : int {
  kFlipLeftRight = 0,
  kFlipTopBottom = 1,
  kRotate90 = 2,
  kRotate180 = 3,
  kRotate270 = 4,
  kTranspose = 5,
  kTransverse = 6,
};

/// Pillow's Image.crop: left, upper, right, lower; zeros where the box is outside the image.
/// Throws Error(kInvalidArgument) when right < left or lower < upper.
[[nodiscard]] Image crop(const Image& image, const std::array<int, 4>& box);

/// Pillow's Image.rotate with its default arguments: counter-clockwise by degrees around the centre, same size, nearest
/// sample, zeros outside. Quarter turns of square images, and half turns, are exact transpositions.
[[nodiscard]] Image rotate(const Image& image, double angle);

/// Pillow's Image.transpose.
[[nodiscard]] Image transpose(const Image& image, Transpose method);

}  // namespace intarsia
