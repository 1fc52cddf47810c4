// SPDX-License-Identifier: Apache-2.0
#include "media/resample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "intarsia/error.h"
#include "media/alpha.h"
#include "media/reduce.h"
#include "media/resample_kernels.h"
#include "media/resample_weights.h"

namespace intarsia {
namespace {

/// The two passes of one resize: which source rows the second one needs, and whether each pass changes anything.
struct Passes {
  bool along_x;
  bool along_y;
  AxisWeights x;
  AxisWeights y;
  int first_row;
  int rows;
};

Passes plan_passes(const Image& image, int width, int height, Resample filter, const ResizeBox& box) {
  Passes passes;
  passes.along_x = width != image.width() || box[0] != 0 || box[2] != width;
  passes.along_y = height != image.height() || box[1] != 0 || box[3] != height;
  passes.x = make_weights(image.width(), box[0], box[2], width, filter);
  passes.y = make_weights(image.height(), box[1], box[3], height, filter);
  passes.first_row = passes.y.starts.front();
  passes.rows = passes.y.starts.back() + passes.y.counts.back() - passes.first_row;
  if (!passes.along_x) {
    passes.first_row = 0;
    passes.rows = image.height();
  }
  for (int& start : passes.y.starts) start -= passes.first_row;
  return passes;
}

Image resample_bytes(const Image& image, int width, int height, const Passes& passes) {
  const auto channels = static_cast<int>(bytes_per_pixel(image.mode()));
  Image middle = image;
  if (passes.along_x) {
    middle = Image::uninitialized(image.mode(), width, passes.rows);
    const std::size_t from_stride = image.byte_size() / static_cast<std::size_t>(image.height());
    const std::size_t to_stride = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
    convolve_rows(image.row(passes.first_row), from_stride, middle.mutable_row(0), to_stride, passes.rows, channels,
                  to_fixed(passes.x));
  }
  if (!passes.along_y) return middle;
  Image result = Image::uninitialized(image.mode(), width, height);
  const std::size_t row_bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  const FixedWeights weights = to_fixed(passes.y);
  for (int y = 0; y < height; ++y) {
    convolve_column(middle.row(weights.starts[static_cast<std::size_t>(y)]), row_bytes, result.mutable_row(y), weights,
                    y);
  }
  return result;
}

template <typename Sample>
const Sample* samples(const Image& image, int y) {
  return reinterpret_cast<const Sample*>(image.row(y));
}

int round_half_away(double value) {
  return static_cast<int>(value >= 0.0 ? std::floor(value + 0.5) : -std::floor(std::fabs(value) + 0.5));
}

template <typename Sample>
Sample to_sample(double sum) {
  if constexpr (std::is_same_v<Sample, float>) {
    return static_cast<float>(sum);
  } else if constexpr (std::is_same_v<Sample, std::int32_t>) {
    return round_half_away(sum);
  } else {  // 16 bits: the two bytes are clipped one by one, as Pillow does
    const int rounded = round_half_away(sum);
    return static_cast<std::uint16_t>(std::clamp(rounded % 256, 0, 255) | std::clamp(rounded >> 8, 0, 255) << 8);
  }
}

/// Both passes for samples wider than a byte, in double precision.
template <typename Sample>
Image resample_wide(const Image& image, int width, int height, const Passes& passes) {
  Image middle = image;
  if (passes.along_x) {
    middle = Image::uninitialized(image.mode(), width, passes.rows);
    for (int y = 0; y < passes.rows; ++y) {
      const Sample* from = samples<Sample>(image, y + passes.first_row);
      auto* to = reinterpret_cast<Sample*>(middle.mutable_row(y));
      for (int x = 0; x < width; ++x) {
        const double* weights = passes.x.of(x);
        const Sample* first = from + passes.x.starts[static_cast<std::size_t>(x)];
        double sum = 0.0;
        for (int k = 0; k < passes.x.counts[static_cast<std::size_t>(x)]; ++k) sum += first[k] * weights[k];
        to[x] = to_sample<Sample>(sum);
      }
    }
  }
  if (!passes.along_y) return middle;
  Image result = Image::uninitialized(image.mode(), width, height);
  for (int y = 0; y < height; ++y) {
    const double* weights = passes.y.of(y);
    const int first = passes.y.starts[static_cast<std::size_t>(y)];
    auto* to = reinterpret_cast<Sample*>(result.mutable_row(y));
    for (int x = 0; x < width; ++x) {
      double sum = 0.0;
      for (int k = 0; k < passes.y.counts[static_cast<std::size_t>(y)]; ++k) {
        sum += samples<Sample>(middle, first + k)[x] * weights[k];
      }
      to[x] = to_sample<Sample>(sum);
    }
  }
  return result;
}

Image resample(const Image& image, int width, int height, Resample filter, const ResizeBox& box) {
  const Passes passes = plan_passes(image, width, height, filter, box);
  switch (image.mode()) {
    case PixelMode::kI:
      return resample_wide<std::int32_t>(image, width, height, passes);
    case PixelMode::kF:
      return resample_wide<float>(image, width, height, passes);
    case PixelMode::kI16:
      return resample_wide<std::uint16_t>(image, width, height, passes);
    default:
      return resample_bytes(image, width, height, passes);
  }
}

/// Source coordinate of each output, or -1 when it lies outside. The step is added up as Pillow does.
std::vector<int> nearest_sources(double from, double to, int outputs, int size) {
  const double step = (to - from) / outputs;
  std::vector<int> sources(static_cast<std::size_t>(outputs));
  double at = from + step * 0.5;
  for (int& source : sources) {
    const int index = at < 0.0 ? -1 : static_cast<int>(at);
    source = index < size ? index : -1;
    at += step;
  }
  return sources;
}

template <std::size_t kBytes>
void pick_pixels(const std::uint8_t* from, std::uint8_t* to, const std::vector<int>& columns) {
  for (const int x : columns) {
    if (x >= 0) std::memcpy(to, from + static_cast<std::size_t>(x) * kBytes, kBytes);
    to += kBytes;
  }
}

Image sample_nearest(const Image& image, int width, int height, const ResizeBox& box) {
  const std::vector<int> columns = nearest_sources(box[0], box[2], width, image.width());
  const std::vector<int> rows = nearest_sources(box[1], box[3], height, image.height());
  Image result(image.mode(), width, height);
  for (int y = 0; y < height; ++y) {
    if (rows[static_cast<std::size_t>(y)] < 0) continue;
    const std::uint8_t* from = image.row(rows[static_cast<std::size_t>(y)]);
    std::uint8_t* to = result.mutable_row(y);
    switch (bytes_per_pixel(image.mode())) {
      case 1:
        pick_pixels<1>(from, to, columns);
        break;
      case 2:
        pick_pixels<2>(from, to, columns);
        break;
      case 3:
        pick_pixels<3>(from, to, columns);
        break;
      default:
        pick_pixels<4>(from, to, columns);
    }
  }
  if (image.mode() == PixelMode::kP) result.set_palette(image.palette(), image.palette_alpha());
  return result;
}

bool has_alpha_channel(PixelMode mode) {
  return mode == PixelMode::kLA || mode == PixelMode::kRGBA;
}

void check_resize(const Image& image, int width, int height, const ResizeBox& box, std::optional<double> gap) {
  if (width < 1 || height < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("resize: height and width must be > 0, got {}x{}", width, height));
  }
  if (box[0] < 0 || box[1] < 0 || box[2] > image.width() || box[3] > image.height() || box[2] - box[0] < 0 ||
      box[3] - box[1] < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("resize: box ({}, {}, {}, {}) must lie inside the image of {}x{} pixels", box[0], box[1],
                            box[2], box[3], image.width(), image.height()));
  }
  if (gap && *gap < 1.0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("resize: reducing_gap must be 1.0 or greater, got {}", *gap));
  }
}

/// The part of the image that resampling `box` can touch.
std::array<int, 4> box_with_margin(const Image& image, int width, int height, Resample filter, const ResizeBox& box) {
  const double support = filter_support(filter) - 0.5;
  const double margin_x = support * ((box[2] - box[0]) / width);
  const double margin_y = support * ((box[3] - box[1]) / height);
  return {std::max(0, static_cast<int>(box[0] - margin_x)), std::max(0, static_cast<int>(box[1] - margin_y)),
          std::min(image.width(), static_cast<int>(std::ceil(box[2] + margin_x))),
          std::min(image.height(), static_cast<int>(std::ceil(box[3] + margin_y)))};
}

/// Pillow hands boxes to its kernel as 32-bit floats.
ResizeBox as_floats(const ResizeBox& box) {
  return {static_cast<float>(box[0]), static_cast<float>(box[1]), static_cast<float>(box[2]),
          static_cast<float>(box[3])};
}

/// Convolution, after a reduction by whole factors where `gap` allows one. Alpha is a channel like the others.
Image resample_with_gap(const Image& image, int width, int height, Resample filter, ResizeBox box,
                        std::optional<double> gap) {
  if (!gap) return resample(image, width, height, filter, as_floats(box));
  const int factor_x = std::max(1, static_cast<int>((box[2] - box[0]) / width / *gap));
  const int factor_y = std::max(1, static_cast<int>((box[3] - box[1]) / height / *gap));
  if (factor_x == 1 && factor_y == 1) return resample(image, width, height, filter, as_floats(box));
  const std::array<int, 4> part = box_with_margin(image, width, height, filter, box);
  box = {(box[0] - part[0]) / factor_x, (box[1] - part[1]) / factor_y, (box[2] - part[0]) / factor_x,
         (box[3] - part[1]) / factor_y};
  return resample(average_blocks(image, factor_x, factor_y, part), width, height, filter, as_floats(box));
}

}  // namespace

Resample parse_resample(int number) {
  if (number < 0 || number > static_cast<int>(Resample::kMks2021)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("unknown resampling filter {}; use 0 NEAREST, 1 LANCZOS, 2 BILINEAR, 3 BICUBIC, 4 BOX, "
                            "5 HAMMING, 6 MKS2013 or 7 MKS2021",
                            number));
  }
  return static_cast<Resample>(number);
}

Image resize(const Image& image, int width, int height, Resample filter, std::optional<ResizeBox> box,
             std::optional<double> reducing_gap) {
  const ResizeBox whole{0, 0, static_cast<double>(image.width()), static_cast<double>(image.height())};
  const ResizeBox area = box.value_or(whole);
  check_resize(image, width, height, area, reducing_gap);
  if (width == image.width() && height == image.height() && area == whole) return image;
  if (image.mode() == PixelMode::kBilevel || image.mode() == PixelMode::kP) filter = Resample::kNearest;
  if (filter == Resample::kNearest) return sample_nearest(image, width, height, as_floats(area));
  if (has_alpha_channel(image.mode())) {
    return unpremultiply(resample_with_gap(premultiply(image), width, height, filter, area, reducing_gap));
  }
  return resample_with_gap(image, width, height, filter, area, reducing_gap);
}

Image thumbnail(const Image& image, double width, double height, Resample filter, std::optional<double> reducing_gap) {
  double x = std::floor(width);
  double y = std::floor(height);
  if (x >= image.width() && y >= image.height()) return image;
  if (x < 1 || y < 1) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("thumbnail: size {}x{} is below 1x1", width, height));
  }
  const double aspect = static_cast<double>(image.width()) / image.height();
  const auto best = [](double number, auto distance) {
    const double low = std::floor(number);
    const double high = std::ceil(number);
    return std::max(distance(high) < distance(low) ? high : low, 1.0);
  };
  if (x / y >= aspect) {
    x = best(y * aspect, [&](double n) { return std::abs(aspect - n / y); });
  } else {
    y = best(x / aspect, [&](double n) { return n == 0 ? 0.0 : std::abs(aspect - x / n); });
  }
  return resize(image, static_cast<int>(x), static_cast<int>(y), filter, std::nullopt, reducing_gap);
}

}  // namespace intarsia
