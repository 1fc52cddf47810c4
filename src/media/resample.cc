// SPDX-License-Identifier: Apache-2.0
#include "media/resample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "intarsia/error.h"
#include "media/alpha.h"
#include "media/codecs.h"
#include "media/reduce.h"
#include "media/resample_kernels.h"
#include "media/resample_weights.h"

namespace intarsia {
namespace {

/// The two passes of one resize: which source rows the second one needs, and whether each pass changes anything.
struct Passes {
  bool along_x;
  bool along_y;
  bool y_first;
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
  // The order shows in the pixels, because samples are rounded in between. Pillow begins with the columns where that
  // takes away more than twice as many rows as there are columns to lose.
  passes.y_first = passes.along_x && passes.along_y && height < image.height() &&
                   image.height() - height > 2 * (image.width() - width);
  passes.first_row = passes.y.starts.front();
  passes.rows = passes.y.starts.back() + passes.y.counts.back() - passes.first_row;
  if (!passes.along_x || passes.y_first) {
    passes.first_row = 0;
    passes.rows = image.height();
  }
  for (int& start : passes.y.starts) start -= passes.first_row;
  return passes;
}

/// Rows [first_row, first_row + rows) with their columns convolved to `width`.
Image convolve_x(const Image& image, int width, int first_row, int rows, const AxisWeights& weights) {
  Image result = Image::uninitialized(image.mode(), width, rows);
  convolve_rows(image.row(first_row), image.row_bytes(), result.mutable_row(0), result.row_bytes(), rows,
                static_cast<int>(bytes_per_pixel(image.mode())), to_fixed(weights));
  return result;
}

Image convolve_y(const Image& image, int height, const AxisWeights& weights) {
  Image result = Image::uninitialized(image.mode(), image.width(), height);
  const FixedWeights fixed = to_fixed(weights);
  for (int y = 0; y < height; ++y)
    convolve_column(image.row(fixed.starts[static_cast<std::size_t>(y)]), image.row_bytes(), result.mutable_row(y),
                    fixed, y);
  return result;
}

Image resample_bytes(const Image& image, int width, int height, const Passes& passes) {
  if (passes.y_first) return convolve_x(convolve_y(image, height, passes.y), width, 0, height, passes.x);
  if (!passes.along_x) return convolve_y(image, height, passes.y);
  const Image middle = convolve_x(image, width, passes.first_row, passes.rows, passes.x);
  return passes.along_y ? convolve_y(middle, height, passes.y) : middle;
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
  } else {
    return static_cast<std::uint16_t>(std::clamp(round_half_away(sum), 0, 65535));
  }
}

/// The same passes for samples wider than a byte, in double precision.
template <typename Sample>
Image convolve_wide_x(const Image& image, int width, int first_row, int rows, const AxisWeights& axis) {
  Image result = Image::uninitialized(image.mode(), width, rows);
  for (int y = 0; y < rows; ++y) {
    const Sample* from = samples<Sample>(image, y + first_row);
    auto* to = reinterpret_cast<Sample*>(result.mutable_row(y));
    for (int x = 0; x < width; ++x) {
      const double* weights = axis.of(x);
      const Sample* first = from + axis.starts[static_cast<std::size_t>(x)];
      double sum = 0.0;
      for (int k = 0; k < axis.counts[static_cast<std::size_t>(x)]; ++k) sum += first[k] * weights[k];
      to[x] = to_sample<Sample>(sum);
    }
  }
  return result;
}

template <typename Sample>
Image convolve_wide_y(const Image& image, int height, const AxisWeights& axis) {
  Image result = Image::uninitialized(image.mode(), image.width(), height);
  for (int y = 0; y < height; ++y) {
    const double* weights = axis.of(y);
    const int first = axis.starts[static_cast<std::size_t>(y)];
    auto* to = reinterpret_cast<Sample*>(result.mutable_row(y));
    for (int x = 0; x < image.width(); ++x) {
      double sum = 0.0;
      for (int k = 0; k < axis.counts[static_cast<std::size_t>(y)]; ++k)
        sum += samples<Sample>(image, first + k)[x] * weights[k];
      to[x] = to_sample<Sample>(sum);
    }
  }
  return result;
}

template <typename Sample>
Image resample_wide(const Image& image, int width, int height, const Passes& passes) {
  if (passes.y_first)
    return convolve_wide_x<Sample>(convolve_wide_y<Sample>(image, height, passes.y), width, 0, height, passes.x);
  if (!passes.along_x) return convolve_wide_y<Sample>(image, height, passes.y);
  const Image middle = convolve_wide_x<Sample>(image, width, passes.first_row, passes.rows, passes.x);
  return passes.along_y ? convolve_wide_y<Sample>(middle, height, passes.y) : middle;
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

/// Source coordinate of each output, or -1 when it lies outside. As in Pillow the step is added up, which can be
/// another pixel than multiplying gives; it multiplies for 16-bit samples.
std::vector<int> nearest_sources(double from, double to, int outputs, int size, bool added_up) {
  const double step = (to - from) / outputs;
  std::vector<int> sources(static_cast<std::size_t>(outputs));
  double at = from + step * 0.5;
  for (int i = 0; i < outputs; ++i) {
    if (!added_up) at = step * (i + 0.5) + from;
    const int index = at < 0.0 ? -1 : static_cast<int>(at);
    sources[static_cast<std::size_t>(i)] = index < size ? index : -1;
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
  const bool added_up = image.mode() != PixelMode::kI16;
  const std::vector<int> columns = nearest_sources(box[0], box[2], width, image.width(), added_up);
  const std::vector<int> rows = nearest_sources(box[1], box[3], height, image.height(), added_up);
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
  check_result_size("resize", width, height);
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
  const int factor_x = gap ? std::max(1, static_cast<int>((box[2] - box[0]) / width / *gap)) : 1;
  const int factor_y = gap ? std::max(1, static_cast<int>((box[3] - box[1]) / height / *gap)) : 1;
  if (factor_x == 1 && factor_y == 1) return resample(image, width, height, filter, as_floats(box));
  const std::array<int, 4> part = box_with_margin(image, width, height, filter, box);
  if (part[0] == part[2] || part[1] == part[3]) return resample(image, width, height, filter, as_floats(box));
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
  if (image.byte_size() == 0) return Image(image.mode(), width, height);
  if (filter == Resample::kNearest) return sample_nearest(image, width, height, as_floats(area));
  if (has_alpha_channel(image.mode())) {
    return unpremultiply(resample_with_gap(premultiply(image), width, height, filter, area, reducing_gap));
  }
  if (image.mode() == PixelMode::kLAB) {
    return with_signs_flipped(resample_with_gap(with_signs_flipped(image), width, height, filter, area, reducing_gap));
  }
  return resample_with_gap(image, width, height, filter, area, reducing_gap);
}

Image thumbnail(const Image& image, double width, double height, Resample filter, std::optional<double> reducing_gap) {
  double x = std::floor(width);
  double y = std::floor(height);
  if (x >= image.width() && y >= image.height()) return image;
  if (image.height() == 0) throw Error(ErrorCode::kInvalidArgument, "thumbnail: the image is empty");
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
