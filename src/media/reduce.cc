// SPDX-License-Identifier: Apache-2.0
#include "media/reduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "intarsia/error.h"
#include "media/alpha.h"
#include "media/resample.h"
#include "media/transform.h"

namespace intarsia {
namespace {

/// Divides sums of bytes by a block's pixel count, by a 32-bit reciprocal as Pillow does.
class ByteMean {
 public:
  explicit ByteMean(int count)
      : half_(static_cast<std::uint32_t>(count) / 2),
        factor_(
            static_cast<std::uint32_t>(4294967296.0F / static_cast<float>(256U * static_cast<std::uint32_t>(count)))) {}
  std::uint8_t operator()(std::uint32_t sum) const {
    return static_cast<std::uint8_t>(((sum + half_) * factor_) >> 24);
  }

 private:
  std::uint32_t half_;
  std::uint32_t factor_;
};

/// Adds `pixels` pixels of one row into sums of `factor` pixels each.
template <int kChannels>
void add_row(const std::uint8_t* from, int pixels, int factor, std::uint32_t* sums) {
  for (int x = 0; x < pixels; sums += kChannels) {
    std::uint32_t block[kChannels] = {};
    const int end = std::min(x + factor, pixels);
    for (; x < end; ++x, from += kChannels) {
      for (int c = 0; c < kChannels; ++c) block[c] += from[c];
    }
    for (int c = 0; c < kChannels; ++c) sums[c] += block[c];
  }
}

void add_row_of(int channels, const std::uint8_t* from, int pixels, int factor, std::uint32_t* sums) {
  switch (channels) {
    case 1:
      return add_row<1>(from, pixels, factor, sums);
    case 2:
      return add_row<2>(from, pixels, factor, sums);
    case 3:
      return add_row<3>(from, pixels, factor, sums);
    default:
      return add_row<4>(from, pixels, factor, sums);
  }
}

Image average_bytes(const Image& image, int factor_x, int factor_y, const std::array<int, 4>& box, Image result) {
  const auto channels = static_cast<int>(bytes_per_pixel(image.mode()));
  const int width = box[2] - box[0];
  const int full = width / factor_x * channels;
  std::vector<std::uint32_t> sums(static_cast<std::size_t>(result.width() * channels));
  for (int y = 0; y < result.height(); ++y) {
    const int first = box[1] + y * factor_y;
    const int rows = std::min(factor_y, box[3] - first);
    std::fill(sums.begin(), sums.end(), 0);
    for (int r = 0; r < rows; ++r) {
      add_row_of(channels, image.row(first + r) + box[0] * channels, width, factor_x, sums.data());
    }
    std::uint8_t* to = result.mutable_row(y);
    const ByteMean mean(rows * factor_x);
    for (int i = 0; i < full; ++i) to[i] = mean(sums[static_cast<std::size_t>(i)]);
    if (width % factor_x == 0) continue;
    const ByteMean edge(rows * (width % factor_x));
    for (int i = full; i < result.width() * channels; ++i) to[i] = edge(sums[static_cast<std::size_t>(i)]);
  }
  return result;
}

template <typename Sample>
Sample mean_of(double sum, int count) {
  const double mean = sum * (1.0 / count);
  if constexpr (std::is_same_v<Sample, float>) return static_cast<float>(mean);
  return static_cast<Sample>(mean >= 0.0 ? std::floor(mean + 0.5) : -std::floor(std::fabs(mean) + 0.5));
}

template <typename Sample>
Image average_wide(const Image& image, int factor_x, int factor_y, const std::array<int, 4>& box, Image result) {
  for (int y = 0; y < result.height(); ++y) {
    const int top = box[1] + y * factor_y;
    const int bottom = std::min(top + factor_y, box[3]);
    auto* to = reinterpret_cast<Sample*>(result.mutable_row(y));
    for (int x = 0; x < result.width(); ++x) {
      const int left = box[0] + x * factor_x;
      const int right = std::min(left + factor_x, box[2]);
      double sum = 0.0;
      for (int row = top; row < bottom; ++row) {
        const auto* from = reinterpret_cast<const Sample*>(image.row(row));
        for (int column = left; column < right; ++column) sum += from[column];
      }
      to[x] = mean_of<Sample>(sum, (bottom - top) * (right - left));
    }
  }
  return result;
}

}  // namespace

Image average_blocks(const Image& image, int factor_x, int factor_y, const std::array<int, 4>& box) {
  const int width = (box[2] - box[0] + factor_x - 1) / factor_x;
  const int height = (box[3] - box[1] + factor_y - 1) / factor_y;
  Image result = Image::uninitialized(image.mode(), width, height);
  switch (image.mode()) {
    case PixelMode::kI:
      return average_wide<std::int32_t>(image, factor_x, factor_y, box, std::move(result));
    case PixelMode::kF:
      return average_wide<float>(image, factor_x, factor_y, box, std::move(result));
    case PixelMode::kI16:
      return average_wide<std::uint16_t>(image, factor_x, factor_y, box, std::move(result));
    default:
      return average_bytes(image, factor_x, factor_y, box, std::move(result));
  }
}

Image reduce(const Image& image, int factor_x, int factor_y, std::optional<std::array<int, 4>> box) {
  const std::array<int, 4> area = box.value_or(std::array<int, 4>{0, 0, image.width(), image.height()});
  if (factor_x < 1 || factor_y < 1) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("reduce: scale must be > 0, got {}x{}", factor_x, factor_y));
  }
  if (area[0] < 0 || area[1] < 0 || area[2] > image.width() || area[3] > image.height() || area[2] <= area[0] ||
      area[3] <= area[1]) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("reduce: box ({}, {}, {}, {}) must lie inside the image of {}x{} pixels", area[0], area[1],
                            area[2], area[3], image.width(), image.height()));
  }
  if (factor_x == 1 && factor_y == 1) return crop(image, area);
  if (image.mode() == PixelMode::kP || image.mode() == PixelMode::kBilevel) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("reduce: mode {} cannot be averaged; convert the image first", mode_name(image.mode())));
  }
  if (image.mode() == PixelMode::kLA || image.mode() == PixelMode::kRGBA) {
    return unpremultiply(average_blocks(premultiply(image), factor_x, factor_y, area));
  }
  if (image.mode() == PixelMode::kLAB) {
    return with_signs_flipped(average_blocks(with_signs_flipped(image), factor_x, factor_y, area));
  }
  return average_blocks(image, factor_x, factor_y, area);
}

}  // namespace intarsia
