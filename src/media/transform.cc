// SPDX-License-Identifier: Apache-2.0
#include "media/transform.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numbers>

#include "intarsia/error.h"
#include "media/codecs.h"

namespace intarsia {

namespace {

/// Black; in LAB, where a and b are signed, Pillow's zeros are their least.
Image blank_like(const Image& image, int width, int height) {
  Image blank(image.mode(), width, height);
  if (image.mode() == PixelMode::kLAB) {
    std::uint8_t* pixels = blank.mutable_row(0);
    for (std::size_t i = 0; i < blank.byte_size(); ++i) pixels[i] = i % 3 == 0 ? 0 : 0x80;
  }
  if (image.mode() == PixelMode::kP) blank.set_palette(image.palette(), image.palette_alpha());
  return blank;
}

/// `out(x, y)` is the pixel that `source(x, y)` names. By columns of a width that keeps the rows read, which are the
/// columns of a quarter turn, in the cache.
template <std::size_t kBytes, typename Source>
void gather_pixels(const Image& image, Image& out, const Source& source) {
  constexpr int kColumns = 64;
  for (int left = 0; left < out.width(); left += kColumns) {
    const int right = std::min(left + kColumns, out.width());
    for (int y = 0; y < out.height(); ++y) {
      std::uint8_t* to = out.mutable_row(y) + static_cast<std::size_t>(left) * kBytes;
      for (int x = left; x < right; ++x, to += kBytes) {
        const auto [from_x, from_y] = source(x, y);
        std::memcpy(to, image.row(from_y) + static_cast<std::size_t>(from_x) * kBytes, kBytes);
      }
    }
  }
}

template <typename Source>
Image gathered(const Image& image, int width, int height, const Source& source) {
  Image out = blank_like(image, width, height);
  switch (bytes_per_pixel(image.mode())) {
    case 1:
      gather_pixels<1>(image, out, source);
      break;
    case 2:
      gather_pixels<2>(image, out, source);
      break;
    case 3:
      gather_pixels<3>(image, out, source);
      break;
    default:
      gather_pixels<4>(image, out, source);
  }
  return out;
}

struct Point {
  int x, y;
};

/// By way of decimal digits, as Python rounds: multiplying would differ in the last bit.
double rounded_to_15_digits(double value) {
  return std::strtod(fmt::format("{:.15f}", value).c_str(), nullptr);
}

/// The inverse of a rotation about the centre: where each pixel of the result comes from. In 16.16 fixed point as
/// Pillow has it, but in floating point for 16-bit samples and where coordinates reach 32768.
class InverseRotation {
 public:
  InverseRotation(const Image& image, double angle) {
    const double radians = -angle * std::numbers::pi / 180.0;
    const double cosine = rounded_to_15_digits(std::cos(radians));
    const double sine = rounded_to_15_digits(std::sin(radians));
    const double centre_x = image.width() / 2.0, centre_y = image.height() / 2.0;
    cosine_ = cosine;
    sine_ = sine;
    const double x0 = cosine * -centre_x + sine * -centre_y + centre_x;
    const double y0 = -sine * -centre_x + cosine * -centre_y + centre_y;
    x_by_x_ = fixed(cosine);
    x_by_y_ = fixed(sine);
    y_by_x_ = fixed(-sine);
    y_by_y_ = fixed(cosine);
    x0_ = x0;
    y0_ = y0;
    x_ = fixed(x0 + cosine * 0.5 + sine * 0.5);
    y_ = fixed(y0 - sine * 0.5 + cosine * 0.5);
    in_fixed_point_ = image.mode() != PixelMode::kI16;
    for (const int x : {0, image.width() - 1})
      for (const int y : {0, image.height() - 1})
        in_fixed_point_ = in_fixed_point_ && std::fabs(cosine * x + sine * y + x0) < 32768.0 &&
                          std::fabs(-sine * x + cosine * y + y0) < 32768.0;
  }

  [[nodiscard]] Point source_of(int x, int y) const {
    if (!in_fixed_point_) {
      const double column = x + 0.5, row = y + 0.5;
      return {below(cosine_ * column + sine_ * row + x0_), below(-sine_ * column + cosine_ * row + y0_)};
    }
    const std::int64_t at_x = x_ + x_by_x_ * x + x_by_y_ * y;
    const std::int64_t at_y = y_ + y_by_x_ * x + y_by_y_ * y;
    return {static_cast<int>(at_x >> 16), static_cast<int>(at_y >> 16)};
  }

 private:
  static std::int64_t fixed(double value) { return static_cast<std::int64_t>(std::floor(value * 65536.0 + 0.5)); }

  static int below(double at) { return at < 0.0 ? -1 : static_cast<int>(at); }

  bool in_fixed_point_ = true;
  double cosine_ = 1, sine_ = 0, x0_ = 0, y0_ = 0;
  std::int64_t x_by_x_, x_by_y_, y_by_x_, y_by_y_, x_, y_;
};

template <std::size_t kBytes>
void rotate_pixels(const Image& image, const InverseRotation& rotation, Image& out) {
  const auto width = static_cast<unsigned>(image.width()), height = static_cast<unsigned>(image.height());
  for (int y = 0; y < out.height(); ++y) {
    std::uint8_t* to = out.mutable_row(y);
    for (int x = 0; x < out.width(); ++x, to += kBytes) {
      const Point from = rotation.source_of(x, y);
      if (static_cast<unsigned>(from.x) < width && static_cast<unsigned>(from.y) < height)
        std::memcpy(to, image.row(from.y) + static_cast<std::size_t>(from.x) * kBytes, kBytes);
    }
  }
}

}  // namespace

Image crop(const Image& image, const std::array<int, 4>& box) {
  const auto [left, upper, right, lower] = box;
  if (right < left) throw Error(ErrorCode::kInvalidArgument, "Coordinate 'right' is less than 'left'");
  if (lower < upper) throw Error(ErrorCode::kInvalidArgument, "Coordinate 'lower' is less than 'upper'");
  const std::int64_t width = std::int64_t{right} - left, height = std::int64_t{lower} - upper;
  check_result_size("crop", width, height);
  Image out = blank_like(image, static_cast<int>(width), static_cast<int>(height));
  const int first_x = std::max(left, 0), last_x = std::min(right, image.width());
  const std::size_t pixel = bytes_per_pixel(image.mode());
  if (last_x <= first_x) return out;
  for (int y = std::max(upper, 0); y < std::min(lower, image.height()); ++y)
    std::memcpy(out.mutable_row(y - upper) + static_cast<std::size_t>(first_x - left) * pixel,
                image.row(y) + static_cast<std::size_t>(first_x) * pixel,
                static_cast<std::size_t>(last_x - first_x) * pixel);
  return out;
}

Image transpose(const Image& image, Transpose method) {
  const int w = image.width(), h = image.height();
  switch (method) {
    case Transpose::kFlipLeftRight:
      return gathered(image, w, h, [=](int x, int y) { return Point{w - 1 - x, y}; });
    case Transpose::kFlipTopBottom:
      return gathered(image, w, h, [=](int x, int y) { return Point{x, h - 1 - y}; });
    case Transpose::kRotate90:
      return gathered(image, h, w, [=](int x, int y) { return Point{w - 1 - y, x}; });
    case Transpose::kRotate180:
      return gathered(image, w, h, [=](int x, int y) { return Point{w - 1 - x, h - 1 - y}; });
    case Transpose::kRotate270:
      return gathered(image, h, w, [=](int x, int y) { return Point{y, h - 1 - x}; });
    case Transpose::kTranspose:
      return gathered(image, h, w, [=](int x, int y) { return Point{y, x}; });
    case Transpose::kTransverse:
      return gathered(image, h, w, [=](int x, int y) { return Point{w - 1 - y, h - 1 - x}; });
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("unknown transposition {}: it is a number from 0 to 6", static_cast<int>(method)));
}

Image rotate(const Image& image, double angle) {
  angle = std::fmod(angle, 360.0);
  if (angle < 0) angle += 360.0;
  if (angle == 0) return image;
  if (angle == 180) return transpose(image, Transpose::kRotate180);
  const bool square = image.width() == image.height();
  if (square && angle == 90) return transpose(image, Transpose::kRotate90);
  if (square && angle == 270) return transpose(image, Transpose::kRotate270);
  const InverseRotation rotation(image, angle);
  Image out = blank_like(image, image.width(), image.height());
  switch (bytes_per_pixel(image.mode())) {
    case 1:
      rotate_pixels<1>(image, rotation, out);
      break;
    case 2:
      rotate_pixels<2>(image, rotation, out);
      break;
    case 3:
      rotate_pixels<3>(image, rotation, out);
      break;
    default:
      rotate_pixels<4>(image, rotation, out);
  }
  return out;
}

}  // namespace intarsia
