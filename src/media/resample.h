// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "intarsia/media.h"

namespace intarsia {

/// Filters with Pillow's numbers.
enum class Resample : int {
  kNearest = 0,
  kLanczos = 1,
  kBilinear = 2,
  kBicubic = 3,
  kBox = 4,
  kHamming = 5,
  kMks2013 = 6,
  kMks2021 = 7,
};

/// The filter of that number; throws Error(kInvalidArgument) that lists them.
[[nodiscard]] Resample parse_resample(int number);

/// Left, upper, right, lower, in pixels of the source.
using ResizeBox = std::array<double, 4>;

/// Pillow's Image.resize: the region `box` (default: all) scaled to width x height by separable convolution whose
/// support grows when downscaling, in 22-bit fixed point for 8-bit samples. P and 1 are always sampled by kNearest;
/// LA and RGBA are weighted by their alpha. `reducing_gap` >= 1 first shrinks by whole factors (faster, less exact).
/// Throws Error(kInvalidArgument) for sizes below 1, boxes outside the image and gaps below 1.
[[nodiscard]] Image resize(const Image& image, int width, int height, Resample filter = Resample::kBicubic,
                           std::optional<ResizeBox> box = std::nullopt,
                           std::optional<double> reducing_gap = std::nullopt);

/// Pillow's Image.reduce: means of blocks of factor_x by factor_y pixels of `box` (default: all).
[[nodiscard]] Image reduce(const Image& image, int factor_x, int factor_y,
                           std::optional<std::array<int, 4>> box = std::nullopt);

/// Pillow's Image.thumbnail on a copy: fits into width x height, keeps the aspect ratio, never enlarges.
[[nodiscard]] Image thumbnail(const Image& image, double width, double height, Resample filter = Resample::kLanczos,
                              std::optional<double> reducing_gap = 2.0);

}  // namespace intarsia
