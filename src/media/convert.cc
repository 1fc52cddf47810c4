// SPDX-License-Identifier: Apache-2.0
// Pixels between modes. Each mode has a row reader to RGBA bytes, or, where the samples are wide, to grey; what two
// modes convert by is then a writer. Formulas and roundings are Pillow's.
#include "media/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "intarsia/error.h"
#include "media/alpha.h"
#include "media/dither.h"
#include "media/lab.h"
#include "media/quantize.h"

namespace intarsia {

namespace {

struct Rgba {
  std::uint8_t r, g, b, a;
};

std::uint8_t clip(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

/// ITU-R 601-2 luma in 16.16 fixed point.
std::uint8_t luma(const Rgba& p) {
  return static_cast<std::uint8_t>((p.r * 19595 + p.g * 38470 + p.b * 7471 + 0x8000) >> 16);
}

template <typename T>
const T* samples(const Image& image, int y) {
  return reinterpret_cast<const T*>(image.row(y));
}

// ---- YCbCr, with 6 bits of fraction

/// Half up and then towards zero, as Pillow's tables are made.
int fixed6(double factor, int sample) {
  return static_cast<int>(factor * sample * 64 + 0.5);
}

void write_ycbcr(const Rgba& p, std::uint8_t* out) {
  out[0] = clip((fixed6(0.29900, p.r) + fixed6(0.58700, p.g) + fixed6(0.11400, p.b)) >> 6);
  out[1] = clip(((fixed6(-0.16874, p.r) + fixed6(-0.33126, p.g) + fixed6(0.50000, p.b)) >> 6) + 128);
  out[2] = clip(((fixed6(0.50000, p.r) + fixed6(-0.41869, p.g) + fixed6(-0.08131, p.b)) >> 6) + 128);
}

Rgba rgb_of_ycbcr(const std::uint8_t* in) {
  const int y = in[0], cb = in[1] - 128, cr = in[2] - 128;
  return {clip(y + (fixed6(1.40200, cr) >> 6)), clip(y + ((fixed6(-0.34414, cb) + fixed6(-0.71414, cr)) >> 6)),
          clip(y + (fixed6(1.77200, cb) >> 6)), 255};
}

// ---- HSV

void write_hsv(const Rgba& p, std::uint8_t* out) {
  const int most = std::max({p.r, p.g, p.b}), least = std::min({p.r, p.g, p.b});
  out[0] = out[1] = 0;
  out[2] = static_cast<std::uint8_t>(most);
  if (most == least) return;
  const float range = static_cast<float>(most - least);
  const float rc = static_cast<float>(most - p.r) / range, gc = static_cast<float>(most - p.g) / range,
              bc = static_cast<float>(most - p.b) / range;
  float hue;
  if (p.r == most)
    hue = bc - gc;
  else if (p.g == most)
    hue = static_cast<float>(2.0 + rc - bc);
  else
    hue = static_cast<float>(4.0 + gc - rc);
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  out[0] = clip(static_cast<int>(hue * 255.0));
  out[1] = clip(static_cast<int>(range / static_cast<float>(most) * 255.0));
}

Rgba rgb_of_hsv(const std::uint8_t* in) {
  const int v = in[2];
  if (in[1] == 0) return {in[2], in[2], in[2], 255};
  const float hue = static_cast<float>(in[0] * 6.0 / 255.0);
  const int sector = static_cast<int>(std::floor(hue));
  const float f = hue - static_cast<float>(sector);
  const float s = static_cast<float>(in[1] / 255.0);
  const auto shade = [v](double factor) { return clip(static_cast<int>(std::round(v * factor))); };
  const std::uint8_t p = shade(1.0 - s), q = shade(1.0 - s * f), t = shade(1.0 - s * (1.0 - f)), top = in[2];
  switch (sector % 6) {
    case 0:
      return {top, t, p, 255};
    case 1:
      return {q, top, p, 255};
    case 2:
      return {p, top, t, 255};
    case 3:
      return {p, q, top, 255};
    case 4:
      return {t, p, top, 255};
    default:
      return {top, p, q, 255};
  }
}

Rgba rgb_of_cmyk(const std::uint8_t* in) {
  const int white = 255 - in[3];
  return {clip(white - multiply_255(in[0], white)), clip(white - multiply_255(in[1], white)),
          clip(white - multiply_255(in[2], white)), 255};
}

// ---- reading

/// Grey of a mode with wide samples, clipped; no number is black.
std::uint8_t grey_of_wide(const Image& image, int x, int y) {
  switch (image.mode()) {
    case PixelMode::kI:
      return clip(samples<std::int32_t>(image, y)[x]);
    case PixelMode::kI16:
      return clip(samples<std::uint16_t>(image, y)[x]);
    default: {
      const float sample = samples<float>(image, y)[x];
      if (sample >= 255.0F) return 255;
      return sample > 0.0F ? static_cast<std::uint8_t>(sample) : 0;
    }
  }
}

class PixelReader {
 public:
  explicit PixelReader(const Image& image) : image_(image) {
    palette_.resize(256, {0, 0, 0, 255});
    const auto& colours = image.palette();
    const auto& alpha = image.palette_alpha();
    for (std::size_t i = 0; i < colours.size() / 3 && i < 256; ++i)
      palette_[i] = {colours[i * 3], colours[i * 3 + 1], colours[i * 3 + 2],
                     i < alpha.size() ? alpha[i] : std::uint8_t{255}};
  }

  void read_row(int y, std::vector<Rgba>& out) const {
    out.resize(static_cast<std::size_t>(image_.width()));
    const std::uint8_t* in = image_.row(y);
    const std::size_t step = bytes_per_pixel(image_.mode());
    for (int x = 0; x < image_.width(); ++x, in += step) out[static_cast<std::size_t>(x)] = pixel(in, x, y);
  }

 private:
  [[nodiscard]] Rgba pixel(const std::uint8_t* in, int x, int y) const {
    switch (image_.mode()) {
      case PixelMode::kBilevel:
      case PixelMode::kL:
        return {in[0], in[0], in[0], 255};
      case PixelMode::kLA:
        return {in[0], in[0], in[0], in[1]};
      case PixelMode::kP:
        return palette_[in[0]];
      case PixelMode::kRGBA:
        return {in[0], in[1], in[2], in[3]};
      case PixelMode::kCMYK:
        return rgb_of_cmyk(in);
      case PixelMode::kYCbCr:
        return rgb_of_ycbcr(in);
      case PixelMode::kHSV:
        return rgb_of_hsv(in);
      case PixelMode::kLAB: {
        const auto [r, g, b] = rgb_of_lab(in);
        return {r, g, b, 255};
      }
      case PixelMode::kI:
      case PixelMode::kF:
      case PixelMode::kI16: {
        const std::uint8_t grey = grey_of_wide(image_, x, y);
        return {grey, grey, grey, 255};
      }
      default:
        return {in[0], in[1], in[2], 255};
    }
  }

  const Image& image_;
  std::vector<Rgba> palette_;
};

bool is_grey(PixelMode mode) {
  return mode == PixelMode::kBilevel || mode == PixelMode::kL || mode == PixelMode::kLA || mode == PixelMode::kI ||
         mode == PixelMode::kF || mode == PixelMode::kI16;
}

// ---- writing

/// One row in a mode of bytes. `grey_source`: red is the grey already.
void write_row(const std::vector<Rgba>& row, PixelMode mode, bool grey_source, std::uint8_t* out) {
  for (const Rgba& p : row) {
    const auto grey = [&] { return grey_source ? p.r : luma(p); };
    switch (mode) {
      case PixelMode::kL:
        *out++ = grey();
        break;
      case PixelMode::kLA:
        *out++ = grey();
        *out++ = p.a;
        break;
      case PixelMode::kRGBA:
        std::memcpy(out, &p, 4);
        out += 4;
        break;
      case PixelMode::kCMYK:
        out[0] = static_cast<std::uint8_t>(grey_source ? 0 : 255 - p.r);
        out[1] = static_cast<std::uint8_t>(grey_source ? 0 : 255 - p.g);
        out[2] = static_cast<std::uint8_t>(grey_source ? 0 : 255 - p.b);
        out[3] = static_cast<std::uint8_t>(grey_source ? 255 - p.r : 0);
        out += 4;
        break;
      case PixelMode::kYCbCr:
        if (grey_source) {
          out[0] = p.r;
          out[1] = out[2] = 128;
        } else {
          write_ycbcr(p, out);
        }
        out += 3;
        break;
      case PixelMode::kHSV:
        write_hsv(p, out);
        out += 3;
        break;
      case PixelMode::kLAB:
        lab_of_rgb(&p.r, out);
        out += 3;
        break;
      default:
        std::memcpy(out, &p, 3);
        out += 3;
    }
  }
}

Image grey_of_ycbcr(const Image& image) {
  Image grey = Image::uninitialized(PixelMode::kL, image.width(), image.height());
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x) grey.mutable_row(y)[x] = image.row(y)[x * 3];
  return grey;
}

Image to_bytes(const Image& image, PixelMode mode) {
  if (image.mode() == PixelMode::kYCbCr && mode == PixelMode::kL) return grey_of_ycbcr(image);
  if (image.mode() == PixelMode::kYCbCr && mode == PixelMode::kLA) return to_bytes(grey_of_ycbcr(image), mode);
  Image out = Image::uninitialized(mode, image.width(), image.height());
  const PixelReader reader(image);
  std::vector<Rgba> row;
  for (int y = 0; y < image.height(); ++y) {
    reader.read_row(y, row);
    write_row(row, mode, is_grey(image.mode()), out.mutable_row(y));
  }
  return out;
}

/// A 32-bit integer towards zero; the least of them for what has none, as processors do it.
template <typename T>
T from_float(float sample) {
  if constexpr (std::is_same_v<T, float>) {
    return sample;
  } else {
    const bool fits = sample > -2147483904.0F && sample < 2147483648.0F;
    return static_cast<T>(fits ? static_cast<std::int32_t>(sample) : std::numeric_limits<std::int32_t>::min());
  }
}

/// The samples of a grey image as `T`: as they are where `T` can hold them.
template <typename T>
Image to_wide(const Image& image, PixelMode mode) {
  Image out = Image::uninitialized(mode, image.width(), image.height());
  for (int y = 0; y < image.height(); ++y) {
    T* row = reinterpret_cast<T*>(out.mutable_row(y));
    for (int x = 0; x < image.width(); ++x) {
      switch (image.mode()) {
        case PixelMode::kI:
          if constexpr (std::is_same_v<T, std::uint16_t>)
            row[x] = static_cast<T>(std::clamp(samples<std::int32_t>(image, y)[x], 0, 65535));
          else
            row[x] = static_cast<T>(samples<std::int32_t>(image, y)[x]);
          break;
        case PixelMode::kF:
          row[x] = from_float<T>(samples<float>(image, y)[x]);
          break;
        case PixelMode::kI16:
          row[x] = static_cast<T>(samples<std::uint16_t>(image, y)[x]);
          break;
        default:
          row[x] = static_cast<T>(image.row(y)[x]);
      }
    }
  }
  return out;
}

[[noreturn]] void refuse(const Image& image, PixelMode mode) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("conversion from mode '{}' to '{}' is not supported",
                                                       mode_name(image.mode()), mode_name(mode)));
}

/// RGB to grey as a Float keeps the fraction of the luma.
Image float_luma(const Image& image) {
  Image out = Image::uninitialized(PixelMode::kF, image.width(), image.height());
  const PixelReader reader(image);
  std::vector<Rgba> row;
  for (int y = 0; y < image.height(); ++y) {
    reader.read_row(y, row);
    float* samples = reinterpret_cast<float*>(out.mutable_row(y));
    for (const Rgba& p : row) *samples++ = static_cast<float>(p.r * 299 + p.g * 587 + p.b * 114) / 1000.0F;
  }
  return out;
}

/// Grey through RGB, as Pillow makes it for the wide modes; the grey of YCbCr alone is another.
Image grey_by_rgb(const Image& image) {
  return to_bytes(image.mode() == PixelMode::kYCbCr ? to_bytes(image, PixelMode::kRGB) : image, PixelMode::kL);
}

/// A palette's colours are not dithered.
Image palette_to_bilevel(const Image& image) {
  Image out = to_bytes(image, PixelMode::kRGB);
  Image bilevel = Image::uninitialized(PixelMode::kBilevel, image.width(), image.height());
  for (int y = 0; y < image.height(); ++y) {
    const std::uint8_t* in = out.row(y);
    for (int x = 0; x < image.width(); ++x, in += 3)
      bilevel.mutable_row(y)[x] = in[0] * 299 + in[1] * 587 + in[2] * 114 >= 128000 ? 255 : 0;
  }
  return bilevel;
}

Image to_palette(const Image& image) {
  if (image.mode() == PixelMode::kRGBA) return quantize_octree(image, 256);
  if (!is_grey(image.mode())) return dither_to_web_palette(to_bytes(image, PixelMode::kRGB));
  Image out = image.mode() == PixelMode::kL ? image : to_bytes(image, PixelMode::kL);
  Image indexed = Image::uninitialized(PixelMode::kP, image.width(), image.height());
  for (int y = 0; y < image.height(); ++y) std::memcpy(indexed.mutable_row(y), out.row(y), out.row_bytes());
  std::vector<std::uint8_t> ramp;
  for (int i = 0; i < 256; ++i) ramp.insert(ramp.end(), 3, static_cast<std::uint8_t>(i));
  indexed.set_palette(std::move(ramp));
  return indexed;
}

}  // namespace

Image convert(const Image& image, PixelMode mode) {
  if (image.mode() == mode) return image;
  if (image.mode() == PixelMode::kLAB && mode != PixelMode::kRGB && mode != PixelMode::kRGBA) refuse(image, mode);
  const bool wide_source =
      image.mode() == PixelMode::kI || image.mode() == PixelMode::kF || image.mode() == PixelMode::kI16;
  switch (mode) {
    case PixelMode::kBilevel:
      if (image.mode() == PixelMode::kP) return palette_to_bilevel(image);
      return dither_to_bilevel(is_grey(image.mode()) ? to_bytes(image, PixelMode::kL)
                                                     : to_bytes(image, PixelMode::kRGB));
    case PixelMode::kP:
      return to_palette(image);
    case PixelMode::kF:
      if (!is_grey(image.mode())) return float_luma(image);
      return to_wide<float>(image.mode() == PixelMode::kLA ? to_bytes(image, PixelMode::kL) : image, mode);
    case PixelMode::kI:
      return to_wide<std::int32_t>(wide_source ? image : grey_by_rgb(image), mode);
    case PixelMode::kI16:
      return to_wide<std::uint16_t>(image.mode() == PixelMode::kI ? image : grey_by_rgb(image), mode);
    default:
      return to_bytes(image, mode);
  }
}

}  // namespace intarsia
