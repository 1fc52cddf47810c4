// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "media/resample_weights.h"

namespace intarsia {

/// Resamples `rows` rows of 8-bit pixels with 1 to 4 channels along x. Rows lie `from_stride` and `to_stride` bytes
/// apart. Requires: 64 readable bytes after the last source pixel.
void convolve_rows(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to, std::size_t to_stride, int rows,
                   int channels, const FixedWeights& weights);

/// Writes output row `output`: the weighted sum of `count` rows of `row_bytes` bytes, `from` being the first of them.
/// Requires: 64 readable bytes after the last source row.
void convolve_column(const std::uint8_t* from, std::size_t row_bytes, std::uint8_t* to, const FixedWeights& weights,
                     int output);

}  // namespace intarsia
