// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "media/resample.h"

namespace intarsia {

/// How one axis is resampled: output i is the sum over k < counts[i] of input[starts[i] + k] * weight(i, k).
struct AxisWeights {
  int taps = 0;  ///< room per output
  std::vector<int> starts;
  std::vector<int> counts;
  std::vector<double> weights;  ///< taps per output, normalised to a sum of 1

  [[nodiscard]] const double* of(int output) const { return weights.data() + static_cast<std::size_t>(output) * taps; }
};

/// Fixed-point weights for 8-bit samples, each split as high * 2^15 + low with 0 <= low < 2^15, so that products with
/// bytes can be summed in 16-bit by 16-bit multiplications without loss. Zero beyond counts[i]; `taps` is a multiple of
/// 16, so vector code may read whole groups.
struct FixedWeights {
  static constexpr int kPrecisionBits = 22;
  static constexpr int kLowBits = 15;

  int taps = 0;
  std::vector<int> starts;
  std::vector<int> counts;
  std::vector<std::int16_t> high;
  std::vector<std::int16_t> low;
};

/// The support of a filter in pixels of the coarser grid.
[[nodiscard]] double filter_support(Resample filter);
/// Weights that scale [from, to) of an axis of `size` pixels to `outputs` pixels.
[[nodiscard]] AxisWeights make_weights(int size, double from, double to, int outputs, Resample filter);
[[nodiscard]] FixedWeights to_fixed(const AxisWeights& weights);

}  // namespace intarsia
