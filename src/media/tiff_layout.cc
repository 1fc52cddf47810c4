// SPDX-License-Identifier: Apache-2.0
#include "media/tiff_layout.h"

#include <fmt/format.h>

#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "TIFF";
constexpr std::uint16_t kMaxSamples = 6;
constexpr std::uint16_t kCorelAlpha = 999;

[[noreturn]] void refuse(const TiffLayout& layout) {
  fail_decode(kFormat, fmt::format("{} samples of {} bits, sample format {}, photometric interpretation {} are not "
                                   "supported",
                                   layout.samples, layout.bits, layout.format, layout.photometric));
}

PixelMode mode_of_grey(const TiffLayout& layout) {
  const bool is_float = layout.format == SAMPLEFORMAT_IEEEFP;
  if (layout.samples == 2 && layout.bits == 8) return PixelMode::kLA;
  if (layout.samples != 1) refuse(layout);
  switch (layout.bits) {
    case 1:
      return PixelMode::kBilevel;
    case 2:
    case 4:
    case 8:
      return PixelMode::kL;
    case 12:
      return PixelMode::kI16;
    case 16:
      if (is_float) refuse(layout);
      return layout.format == SAMPLEFORMAT_INT ? PixelMode::kI : PixelMode::kI16;
    case 32:
      return is_float ? PixelMode::kF : PixelMode::kI;
    case 64:
      if (is_float) return PixelMode::kF;
      [[fallthrough]];
    default:
      refuse(layout);
  }
}

void require_bytes(const TiffLayout& layout, std::uint16_t samples, bool wide_too) {
  const bool fits = layout.bits == 8 || (wide_too && layout.bits == 16 && layout.format == SAMPLEFORMAT_UINT);
  if (!fits || layout.samples < samples) refuse(layout);
}

void read_rgb(TIFF* file, TiffLayout& layout) {
  require_bytes(layout, 3, true);
  std::uint16_t count = 0, *kinds = nullptr;
  const bool listed = TIFFGetField(file, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1 && count > 0;
  const std::uint16_t kind = listed ? kinds[0] : std::uint16_t{EXTRASAMPLE_UNASSALPHA};
  const bool alpha =
      layout.samples > 3 && (kind == EXTRASAMPLE_ASSOCALPHA || kind == EXTRASAMPLE_UNASSALPHA || kind == kCorelAlpha);
  layout.premultiplied = alpha && kind == EXTRASAMPLE_ASSOCALPHA;
  layout.mode = alpha ? PixelMode::kRGBA : PixelMode::kRGB;
}

/// libjpeg makes RGB of it; what is not compressed stays YCbCr, unless its colours are subsampled.
void read_ycbcr(TIFF* file, TiffLayout& layout) {
  std::uint16_t across = 1, down = 1;
  const bool subsampled =
      TIFFGetField(file, TIFFTAG_YCBCRSUBSAMPLING, &across, &down) == 1 && (across != 1 || down != 1);
  if (layout.compression == COMPRESSION_JPEG && !layout.planes) {
    require_bytes(layout, 3, false);
    TIFFSetField(file, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  } else if (layout.compression == COMPRESSION_NONE && !subsampled) {
    require_bytes(layout, 3, false);
    TIFFSetField(file, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);  // the default would be 2, 2
    layout.mode = PixelMode::kYCbCr;
  } else {
    layout.by_libtiff = true;
  }
}

void read_mode(TIFF* file, TiffLayout& layout) {
  switch (layout.photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      layout.mode = mode_of_grey(layout);
      return;
    case PHOTOMETRIC_RGB:
      return read_rgb(file, layout);
    case PHOTOMETRIC_PALETTE:
      if (layout.samples != 1 || layout.bits > 8 || (layout.bits & (layout.bits - 1)) != 0) refuse(layout);
      layout.mode = PixelMode::kP;
      return;
    case PHOTOMETRIC_SEPARATED:
      require_bytes(layout, 4, true);
      layout.mode = PixelMode::kCMYK;
      return;
    case PHOTOMETRIC_YCBCR:
      return read_ycbcr(file, layout);
    case PHOTOMETRIC_CIELAB:
      require_bytes(layout, 3, false);
      layout.mode = PixelMode::kLAB;
      return;
    default:
      layout.by_libtiff = true;
  }
}

}  // namespace

TiffLayout read_tiff_layout(TIFF* file) {
  TiffLayout layout;
  TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &layout.width);
  TIFFGetField(file, TIFFTAG_IMAGELENGTH, &layout.height);
  check_image_size(kFormat, layout.width, layout.height);
  TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &layout.bits);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &layout.format);
  TIFFGetFieldDefaulted(file, TIFFTAG_COMPRESSION, &layout.compression);
  TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &layout.photometric);
  std::uint16_t planar = PLANARCONFIG_CONTIG, orientation = ORIENTATION_TOPLEFT;
  TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &planar);
  TIFFGetFieldDefaulted(file, TIFFTAG_ORIENTATION, &orientation);
  if (orientation >= ORIENTATION_TOPLEFT && orientation <= ORIENTATION_LEFTBOT) layout.orientation = orientation;
  layout.planes = planar == PLANARCONFIG_SEPARATE && layout.samples > 1;
  if (layout.samples == 0 || layout.samples > kMaxSamples) refuse(layout);
  read_mode(file, layout);
  const bool bytes = layout.mode != PixelMode::kI && layout.mode != PixelMode::kF && layout.mode != PixelMode::kI16;
  layout.channels = bytes ? static_cast<int>(bytes_per_pixel(layout.mode)) : 1;
  return layout;
}

}  // namespace intarsia
