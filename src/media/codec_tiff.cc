// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <tiffio.h>

#include <cstring>
#include <memory>
#include <vector>

#include "intarsia/error.h"
#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "TIFF";

// ---- libtiff reads from memory
// ---------------------------------------------------------------------------------------

struct Source {
  std::string_view bytes;
  std::uint64_t at = 0;
};

Source& source_of(thandle_t handle) {
  return *static_cast<Source*>(handle);
}

tmsize_t read_some(thandle_t handle, void* out, tmsize_t count) {
  Source& source = source_of(handle);
  const std::uint64_t left = source.at < source.bytes.size() ? source.bytes.size() - source.at : 0;
  const auto size = std::min<std::uint64_t>(static_cast<std::uint64_t>(count), left);
  std::memcpy(out, source.bytes.data() + source.at, size);
  source.at += size;
  return static_cast<tmsize_t>(size);
}
tmsize_t refuse_to_write(thandle_t, void*, tmsize_t) {
  return 0;
}
toff_t seek(thandle_t handle, toff_t offset, int whence) {
  Source& source = source_of(handle);
  source.at = offset + (whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0);
  return source.at;
}
int close_nothing(thandle_t) {
  return 0;
}
toff_t size_of(thandle_t handle) {
  return source_of(handle).bytes.size();
}

struct CloseTiff {
  void operator()(TIFF* file) const { TIFFClose(file); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

Tiff open_tiff(Source& source) {
  static const bool kSilent = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    return true;
  }();
  static_cast<void>(kSilent);
  Tiff file(TIFFClientOpen("memory", "rm", &source, read_some, refuse_to_write, seek, close_nothing, size_of, nullptr,
                           nullptr));
  if (file == nullptr) fail_decode(kFormat, "the directory cannot be read");
  return file;
}

// ---- layout
// ----------------------------------------------------------------------------------------------------------

struct Layout {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, photometric = 0, planar = PLANARCONFIG_CONTIG;
  bool tiled = false;
  PixelMode mode = PixelMode::kRGB;
  bool as_is = false;  ///< rows can be taken as they are; otherwise libtiff makes RGBA of them
};

bool has_alpha(TIFF* file) {
  std::uint16_t count = 0, *kinds = nullptr;
  return TIFFGetField(file, TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1 && count > 0;
}

PixelMode mode_of(const Layout& layout, bool alpha) {
  const bool grey = layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
  if (grey && layout.samples == 1) {
    if (layout.bits == 1) return PixelMode::kBilevel;
    if (layout.bits == 16) return layout.format == SAMPLEFORMAT_INT ? PixelMode::kI : PixelMode::kI16;
    if (layout.bits == 32) return layout.format == SAMPLEFORMAT_IEEEFP ? PixelMode::kF : PixelMode::kI;
    return PixelMode::kL;
  }
  if (grey && layout.samples == 2) return PixelMode::kLA;
  if (layout.photometric == PHOTOMETRIC_PALETTE && layout.samples == 1) return PixelMode::kP;
  if (layout.photometric == PHOTOMETRIC_SEPARATED && layout.samples == 4) return PixelMode::kCMYK;
  return alpha ? PixelMode::kRGBA : PixelMode::kRGB;
}

Layout read_layout(TIFF* file) {
  Layout layout;
  TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &layout.width);
  TIFFGetField(file, TIFFTAG_IMAGELENGTH, &layout.height);
  check_image_size(kFormat, layout.width, layout.height);
  TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &layout.bits);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &layout.format);
  TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &layout.planar);
  if (TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &layout.photometric) != 1) fail_decode(kFormat, "no photometric tag");
  layout.tiled = TIFFIsTiled(file) != 0;
  layout.mode = mode_of(layout, has_alpha(file));
  const std::size_t row = static_cast<std::size_t>(layout.bits) * layout.samples;
  const bool packed = layout.bits == 1 && layout.mode == PixelMode::kBilevel;
  const bool widened = layout.mode == PixelMode::kI && layout.bits == 16;
  layout.as_is = !layout.tiled && (layout.planar == PLANARCONFIG_CONTIG || layout.samples == 1) &&
                 layout.photometric != PHOTOMETRIC_YCBCR &&
                 (packed || widened || row == bytes_per_pixel(layout.mode) * 8);
  if (!layout.as_is && layout.mode != PixelMode::kRGBA) layout.mode = PixelMode::kRGB;
  return layout;
}

// ---- pixels
// ----------------------------------------------------------------------------------------------------------

void set_palette(TIFF* file, Image& image) {
  std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
  if (TIFFGetField(file, TIFFTAG_COLORMAP, &red, &green, &blue) != 1) fail_decode(kFormat, "the palette is missing");
  std::vector<std::uint8_t> palette;
  for (int i = 0; i < 256; ++i)
    for (const std::uint16_t* channel : {red, green, blue})
      palette.push_back(static_cast<std::uint8_t>(channel[i] >> 8));
  image.set_palette(std::move(palette));
}

void unpack_row(const std::vector<std::uint8_t>& packed, const Layout& layout, std::uint8_t* out) {
  if (layout.mode == PixelMode::kBilevel) {
    for (std::uint32_t x = 0; x < layout.width; ++x) out[x] = (packed[x / 8] >> (7 - x % 8) & 1) != 0 ? 255 : 0;
  } else {  // int16 to int32
    for (std::uint32_t x = 0; x < layout.width; ++x) {
      std::int16_t sample = 0;
      std::memcpy(&sample, packed.data() + x * sizeof(sample), sizeof(sample));
      const std::int32_t wide = sample;
      std::memcpy(out + x * sizeof(wide), &wide, sizeof(wide));
    }
  }
}

Image read_as_is(TIFF* file, const Layout& layout) {
  Image image(layout.mode, static_cast<int>(layout.width), static_cast<int>(layout.height));
  const bool packed = layout.mode == PixelMode::kBilevel || (layout.mode == PixelMode::kI && layout.bits == 16);
  const auto row_size = static_cast<std::size_t>(TIFFScanlineSize(file));
  if (!packed && row_size != image.row_bytes()) fail_decode(kFormat, "rows of an unexpected length");
  std::vector<std::uint8_t> buffer(std::max<std::size_t>(row_size, (layout.width + 7) / 8));
  for (std::uint32_t y = 0; y < layout.height; ++y) {
    std::uint8_t* row = image.mutable_row(static_cast<int>(y));
    if (TIFFReadScanline(file, packed ? buffer.data() : row, y) != 1)
      fail_decode(kFormat, "the pixels are damaged or truncated");
    if (packed) unpack_row(buffer, layout, row);
    if (layout.photometric == PHOTOMETRIC_MINISWHITE && layout.bits <= 8)
      for (std::size_t i = 0; i < image.row_bytes(); ++i) row[i] = static_cast<std::uint8_t>(255 - row[i]);
  }
  if (layout.mode == PixelMode::kP) set_palette(file, image);
  return image;
}

Image read_as_rgba(TIFF* file, const Layout& layout) {
  std::vector<std::uint32_t> pixels(static_cast<std::size_t>(layout.width) * layout.height);
  if (TIFFReadRGBAImageOriented(file, layout.width, layout.height, pixels.data(), ORIENTATION_TOPLEFT, 1) != 1)
    fail_decode(kFormat, "the pixels are damaged, truncated or of an unknown kind");
  Image image = Image::uninitialized(layout.mode, static_cast<int>(layout.width), static_cast<int>(layout.height));
  std::uint8_t* out = image.mutable_row(0);
  for (const std::uint32_t pixel : pixels) {
    *out++ = static_cast<std::uint8_t>(TIFFGetR(pixel));
    *out++ = static_cast<std::uint8_t>(TIFFGetG(pixel));
    *out++ = static_cast<std::uint8_t>(TIFFGetB(pixel));
    if (layout.mode == PixelMode::kRGBA) *out++ = static_cast<std::uint8_t>(TIFFGetA(pixel));
  }
  return image;
}

bool is_tiff(std::string_view head) {
  return head.starts_with(std::string_view("II*\0", 4)) || head.starts_with(std::string_view("MM\0*", 4)) ||
         head.starts_with(std::string_view("II+\0", 4)) || head.starts_with(std::string_view("MM\0+", 4));
}

ImageInfo probe_tiff(std::string_view head, std::uint64_t) {
  Source source{head};
  const Tiff file = open_tiff(source);
  const Layout layout = read_layout(file.get());
  return {std::string(kFormat), layout.mode, static_cast<int>(layout.width), static_cast<int>(layout.height),
          std::nullopt};
}

Image decode_tiff(std::string_view bytes) {
  Source source{bytes};
  const Tiff file = open_tiff(source);
  const Layout layout = read_layout(file.get());
  return layout.as_is ? read_as_is(file.get(), layout) : read_as_rgba(file.get(), layout);
}

}  // namespace

const ImageCodec kTiffCodec{kFormat, is_tiff, probe_tiff, decode_tiff};

}  // namespace intarsia
