// SPDX-License-Identifier: Apache-2.0
#include "media/resample_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace intarsia {
namespace {

constexpr double kPi = std::numbers::pi;

double sinc(double x) {
  return x == 0.0 ? 1.0 : std::sin(x * kPi) / (x * kPi);
}

double box_filter(double x) {
  return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

double bilinear_filter(double x) {
  return std::max(0.0, 1.0 - std::abs(x));
}

double hamming_filter(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  return x >= 1.0 ? 0.0 : sinc(x) * (0.54 + 0.46 * std::cos(x * kPi));
}

/// Keys' cubic with a = -0.5.
double bicubic_filter(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

double lanczos_filter(double x) {
  return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

/// Costella's Magic Kernel Sharp, 2013 and 2021.
double mks2013_filter(double x) {
  x = std::abs(x);
  if (x <= 0.5) return 17.0 / 16.0 - 7.0 / 4.0 * x * x;
  if (x <= 1.5) return (x - 1.0) * (x - 7.0 / 4.0);
  if (x <= 2.5) return -1.0 / 8.0 * (x - 2.5) * (x - 2.5);
  return 0.0;
}

double mks2021_filter(double x) {
  x = std::abs(x);
  if (x <= 0.5) return 577.0 / 576.0 - 239.0 / 144.0 * x * x;
  if (x <= 1.5) return (140.0 * x * x - 379.0 * x + 239.0) / 144.0;
  if (x <= 2.5) return -(24.0 * x * x - 113.0 * x + 130.0) / 144.0;
  if (x <= 3.5) return (4.0 * x * x - 27.0 * x + 45.0) / 144.0;
  if (x <= 4.5) return -(4.0 * x * x - 36.0 * x + 81.0) / 1152.0;
  return 0.0;
}

struct FilterRow {
  double support;
  double (*weight)(double);
};

const FilterRow& filter_row(Resample filter) {
  static constexpr FilterRow kFilters[] = {{0.5, box_filter},     {3.0, lanczos_filter}, {1.0, bilinear_filter},
                                           {2.0, bicubic_filter}, {0.5, box_filter},     {1.0, hamming_filter},
                                           {2.5, mks2013_filter}, {4.5, mks2021_filter}};
  return kFilters[static_cast<int>(filter)];
}

}  // namespace

double filter_support(Resample filter) {
  return filter_row(filter).support;
}

AxisWeights make_weights(int size, double from, double to, int outputs, Resample filter) {
  const FilterRow& row = filter_row(filter);
  const double scale = (to - from) / outputs;
  const double stretch = std::max(scale, 1.0);
  const double support = row.support * stretch;
  AxisWeights result;
  result.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  result.starts.resize(static_cast<std::size_t>(outputs));
  result.counts.resize(static_cast<std::size_t>(outputs));
  result.weights.resize(static_cast<std::size_t>(outputs) * static_cast<std::size_t>(result.taps));
  const double inverse = 1.0 / stretch;
  for (int i = 0; i < outputs; ++i) {
    const double center = from + (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), size) - first;
    double* weights = result.weights.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(result.taps);
    double sum = 0.0;
    for (int k = 0; k < count; ++k) {
      weights[k] = row.weight((k + first - center + 0.5) * inverse);
      sum += weights[k];
    }
    for (int k = 0; k < count && sum != 0.0; ++k) weights[k] /= sum;
    result.starts[static_cast<std::size_t>(i)] = first;
    result.counts[static_cast<std::size_t>(i)] = count;
  }
  return result;
}

FixedWeights to_fixed(const AxisWeights& weights) {
  FixedWeights fixed;
  fixed.taps = (weights.taps + 15) / 16 * 16;
  fixed.starts = weights.starts;
  fixed.counts = weights.counts;
  const std::size_t outputs = weights.starts.size();
  fixed.high.resize(outputs * static_cast<std::size_t>(fixed.taps));
  fixed.low.resize(outputs * static_cast<std::size_t>(fixed.taps));
  for (std::size_t i = 0; i < outputs; ++i) {
    const double* from = weights.of(static_cast<int>(i));
    for (int k = 0; k < weights.counts[i]; ++k) {
      const double scaled = from[k] * (1 << FixedWeights::kPrecisionBits);
      const int value = static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
      const std::size_t at = i * static_cast<std::size_t>(fixed.taps) + static_cast<std::size_t>(k);
      fixed.high[at] = static_cast<std::int16_t>(value >> FixedWeights::kLowBits);
      fixed.low[at] = static_cast<std::int16_t>(value & ((1 << FixedWeights::kLowBits) - 1));
    }
  }
  return fixed;
}

}  // namespace intarsia
