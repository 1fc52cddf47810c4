// SPDX-License-Identifier: Apache-2.0
// Pixels between modes. Each mode has a row reader to RGBA bytes, or, where the samples are wide, to grey; what two
// modes convert by is then a writer. Formulas and roundings are Pillow's.
#include "media/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
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
using Table = std::array<int, 256>;
constexpr Table products(double factor, int origin = 0) {
  Table table{};
  for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = static_cast<int>(factor * (i - origin) * 64 + 0.5);
  return table;
}

constexpr Table kYOfR = products(0.29900), kYOfG = products(0.58700), kYOfB = products(0.11400);
constexpr Table kCbOfR = products(-0.16874), kCbOfG = products(-0.33126), kCbOfB = products(0.50000);
constexpr Table kCrOfR = products(0.50000), kCrOfG = products(-0.41869), kCrOfB = products(-0.08131);
constexpr Table kROfCr = products(1.40200, 128), kGOfCb = products(-0.34414, 128);
constexpr Table kGOfCr = products(-0.71414, 128), kBOfCb = products(1.77200, 128);

void write_ycbcr(const Rgba& p, std::uint8_t* out) {
  out[0] = static_cast<std::uint8_t>((kYOfR[p.r] + kYOfG[p.g] + kYOfB[p.b]) >> 6);
  out[1] = static_cast<std::uint8_t>(((kCbOfR[p.r] + kCbOfG[p.g] + kCbOfB[p.b]) >> 6) + 128);
  out[2] = static_cast<std::uint8_t>(((kCrOfR[p.r] + kCrOfG[p.g] + kCrOfB[p.b]) >> 6) + 128);
}

Rgba rgb_of_ycbcr(const std::uint8_t* in) {
  const int y = in[0];
  return {clip(y + (kROfCr[in[2]] >> 6)), clip(y + ((kGOfCb[in[1]] + kGOfCr[in[2]]) >> 6)),
          clip(y + (kBOfCb[in[1]] >> 6)), 255};
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

/// A wide sample as a byte: clipped; no number is black.
std::uint8_t byte_of(std::int32_t sample) {
  return clip(sample);
}
std::uint8_t byte_of(std::uint16_t sample) {
  return static_cast<std::uint8_t>(std::min<std::uint16_t>(sample, 255));
}
std::uint8_t byte_of(float sample) {
  if (sample >= 255.0F) return 255;
  return sample > 0.0F ? static_cast<std::uint8_t>(sample) : std::uint8_t{0};
}

/// `kStep` bytes of a pixel become what `pixel` makes of them.
template <std::size_t kStep, typename Pixel>
void map_row(const std::uint8_t* in, std::vector<Rgba>& out, const Pixel& pixel) {
  for (Rgba& p : out) {
    p = pixel(in);
    in += kStep;
  }
}

template <typename Sample>
void read_wide(const std::uint8_t* in, std::vector<Rgba>& out) {
  map_row<sizeof(Sample)>(in, out, [](const std::uint8_t* at) -> Rgba {
    Sample sample;
    std::memcpy(&sample, at, sizeof sample);
    const std::uint8_t grey = byte_of(sample);
    return {grey, grey, grey, 255};
  });
}

class RowReader {
 public:
  explicit RowReader(const Image& image) : image_(image) {
    const auto& colours = image.palette();
    const auto& alpha = image.palette_alpha();
    palette_.fill({0, 0, 0, 255});
    for (std::size_t i = 0; i < colours.size() / 3 && i < 256; ++i)
      palette_[i] = {colours[i * 3], colours[i * 3 + 1], colours[i * 3 + 2],
                     i < alpha.size() ? alpha[i] : std::uint8_t{255}};
  }

  void read(int y, std::vector<Rgba>& out) const {
    out.resize(static_cast<std::size_t>(image_.width()));
    const std::uint8_t* in = image_.row(y);
    using Bytes = const std::uint8_t*;
    switch (image_.mode()) {
      case PixelMode::kBilevel:
      case PixelMode::kL:
        return map_row<1>(in, out, [](Bytes p) -> Rgba { return {p[0], p[0], p[0], 255}; });
      case PixelMode::kLA:
        return map_row<2>(in, out, [](Bytes p) -> Rgba { return {p[0], p[0], p[0], p[1]}; });
      case PixelMode::kP:
        return map_row<1>(in, out, [this](Bytes p) { return palette_[p[0]]; });
      case PixelMode::kRGB:
        return map_row<3>(in, out, [](Bytes p) -> Rgba { return {p[0], p[1], p[2], 255}; });
      case PixelMode::kRGBA:
        return map_row<4>(in, out, [](Bytes p) -> Rgba { return {p[0], p[1], p[2], p[3]}; });
      case PixelMode::kCMYK:
        return map_row<4>(in, out, rgb_of_cmyk);
      case PixelMode::kYCbCr:
        return map_row<3>(in, out, rgb_of_ycbcr);
      case PixelMode::kHSV:
        return map_row<3>(in, out, rgb_of_hsv);
      case PixelMode::kLAB:
        return map_row<3>(in, out, [](Bytes p) -> Rgba {
          const auto [r, g, b] = rgb_of_lab(p);
          return {r, g, b, 255};
        });
      case PixelMode::kI:
        return read_wide<std::int32_t>(in, out);
      case PixelMode::kI16:
        return read_wide<std::uint16_t>(in, out);
      case PixelMode::kF:
        return read_wide<float>(in, out);
    }
  }

 private:
  const Image& image_;
  std::array<Rgba, 256> palette_;
};

bool is_grey(PixelMode mode) {
  return mode == PixelMode::kBilevel || mode == PixelMode::kL || mode == PixelMode::kLA || mode == PixelMode::kI ||
         mode == PixelMode::kF || mode == PixelMode::kI16;
}

// ---- writing

/// `write` makes `kStep` bytes of each pixel.
template <std::size_t kStep, typename Write>
void write_pixels(const std::vector<Rgba>& row, std::uint8_t* out, const Write& write) {
  for (const Rgba& p : row) {
    write(p, out);
    out += kStep;
  }
}

/// One row in a mode of bytes.
void write_row(const std::vector<Rgba>& row, PixelMode mode, std::uint8_t* out) {
  switch (mode) {
    case PixelMode::kL:
      return write_pixels<1>(row, out, [](const Rgba& p, std::uint8_t* to) { to[0] = luma(p); });
    case PixelMode::kLA:
      return write_pixels<2>(row, out, [](const Rgba& p, std::uint8_t* to) {
        to[0] = luma(p);
        to[1] = p.a;
      });
    case PixelMode::kRGBA:
      if (!row.empty()) std::memcpy(out, row.data(), row.size() * 4);
      return;
    case PixelMode::kCMYK:
      return write_pixels<4>(row, out, [](const Rgba& p, std::uint8_t* to) {
        to[0] = static_cast<std::uint8_t>(255 - p.r);
        to[1] = static_cast<std::uint8_t>(255 - p.g);
        to[2] = static_cast<std::uint8_t>(255 - p.b);
        to[3] = 0;
      });
    case PixelMode::kYCbCr:
      return write_pixels<3>(row, out, write_ycbcr);
    case PixelMode::kHSV:
      return write_pixels<3>(row, out, write_hsv);
    case PixelMode::kLAB:
      return write_pixels<3>(row, out, [](const Rgba& p, std::uint8_t* to) { lab_of_rgb(&p.r, to); });
    default:
      return write_pixels<3>(row, out, [](const Rgba& p, std::uint8_t* to) {
        to[0] = p.r;
        to[1] = p.g;
        to[2] = p.b;
      });
  }
}

/// One row of a grey image in a mode of bytes: red is the grey.
void write_grey_row(const std::vector<Rgba>& row, PixelMode mode, std::uint8_t* out) {
  switch (mode) {
    case PixelMode::kL:
      return write_pixels<1>(row, out, [](const Rgba& p, std::uint8_t* to) { to[0] = p.r; });
    case PixelMode::kLA:
      return write_pixels<2>(row, out, [](const Rgba& p, std::uint8_t* to) {
        to[0] = p.r;
        to[1] = p.a;
      });
    case PixelMode::kCMYK:
      return write_pixels<4>(row, out, [](const Rgba& p, std::uint8_t* to) {
        to[0] = to[1] = to[2] = 0;
        to[3] = static_cast<std::uint8_t>(255 - p.r);
      });
    case PixelMode::kYCbCr:
      return write_pixels<3>(row, out, [](const Rgba& p, std::uint8_t* to) {
        to[0] = p.r;
        to[1] = to[2] = 128;
      });
    default:
      write_row(row, mode, out);
  }
}

Image grey_of_ycbcr(const Image& image) {
  Image grey = Image::uninitialized(PixelMode::kL, image.width(), image.height());
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x) grey.mutable_row(y)[x] = image.row(y)[x * 3];
  return grey;
}

/// The conversion that is asked for most.
Image grey_of_rgb(const Image& image) {
  Image grey = Image::uninitialized(PixelMode::kL, image.width(), image.height());
  const std::uint8_t* in = image.data();
  std::uint8_t* out = grey.mutable_row(0);
  for (const std::uint8_t* end = out + grey.byte_size(); out != end; in += 3) *out++ = luma({in[0], in[1], in[2], 255});
  return grey;
}

Image to_bytes(const Image& image, PixelMode mode) {
  if (image.mode() == PixelMode::kRGB && mode == PixelMode::kL) return grey_of_rgb(image);
  if (image.mode() == PixelMode::kYCbCr && mode == PixelMode::kL) return grey_of_ycbcr(image);
  if (image.mode() == PixelMode::kYCbCr && mode == PixelMode::kLA) return to_bytes(grey_of_ycbcr(image), mode);
  Image out = Image::uninitialized(mode, image.width(), image.height());
  const RowReader reader(image);
  const bool grey = is_grey(image.mode());
  std::vector<Rgba> row;
  for (int y = 0; y < image.height(); ++y) {
    reader.read(y, row);
    grey ? write_grey_row(row, mode, out.mutable_row(y)) : write_row(row, mode, out.mutable_row(y));
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
  const std::size_t count = image.byte_size() / bytes_per_pixel(image.mode());
  T* to = reinterpret_cast<T*>(out.mutable_row(0));
  const auto fill = [&]<typename From, typename To>(const From* from, const To& value_of) {
    for (std::size_t i = 0; i < count; ++i) to[i] = value_of(from[i]);
  };
  const auto as_is = [](auto sample) { return static_cast<T>(sample); };
  switch (image.mode()) {
    case PixelMode::kI:
      fill(samples<std::int32_t>(image, 0), [](std::int32_t sample) {
        return static_cast<T>(std::is_same_v<T, std::uint16_t> ? std::clamp(sample, 0, 65535) : sample);
      });
      break;
    case PixelMode::kF:
      fill(samples<float>(image, 0), from_float<T>);
      break;
    case PixelMode::kI16:
      fill(samples<std::uint16_t>(image, 0), as_is);
      break;
    default:
      fill(image.data(), as_is);
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
  const RowReader reader(image);
  std::vector<Rgba> row;
  for (int y = 0; y < image.height(); ++y) {
    reader.read(y, row);
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
