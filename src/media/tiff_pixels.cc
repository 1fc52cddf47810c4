// SPDX-License-Identifier: Apache-2.0
#include "media/tiff_pixels.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "TIFF";
constexpr tmsize_t kMaxBlock = tmsize_t{1} << 30;

/// Which pixels of the image a decoded strip or tile has, and where its samples are.
struct Block {
  std::uint32_t x, y, width, height;
  std::size_t row_bytes;
  int plane;  ///< the only channel in it, or -1: all
};

/// Samples of less than a byte; for a palette they are indices.
void unpack_bits(const TiffLayout& layout, const std::uint8_t* from, std::uint32_t count, std::uint8_t* to) {
  const unsigned most = (1U << layout.bits) - 1;
  const unsigned scale = layout.mode == PixelMode::kP ? 1 : 255 / most;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t bit = std::uint64_t{i} * layout.bits;
    to[i] = static_cast<std::uint8_t>((from[bit / 8] >> (8 - layout.bits - bit % 8) & most) * scale);
  }
}

void unpack_12_bits(const std::uint8_t* from, std::uint32_t count, std::uint8_t* to) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint8_t* at = from + std::uint64_t{i} * 3 / 2;
    const auto value = static_cast<std::uint16_t>(i % 2 == 0 ? at[0] << 4 | at[1] >> 4 : (at[0] & 15) << 8 | at[1]);
    std::memcpy(to + i * 2, &value, 2);
  }
}

template <typename From, typename To>
void widen(const std::uint8_t* from, std::uint32_t count, std::uint8_t* to) {
  for (std::uint32_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    const To wider = static_cast<To>(value);
    std::memcpy(to + i * sizeof wider, &wider, sizeof wider);
  }
}

/// Bytes, or the upper bytes of 16-bit samples, of one channel.
void pick_channel(const std::uint8_t* from, std::size_t step, std::uint32_t count, bool wide, std::uint8_t* to,
                  int to_step) {
  for (std::uint32_t i = 0; i < count; ++i, from += step, to += to_step) {
    std::uint16_t sample = from[0];
    if (wide) std::memcpy(&sample, from, 2);
    *to = static_cast<std::uint8_t>(wide ? sample >> 8 : sample);
  }
}

void unpack_channels(const TiffLayout& layout, const std::uint8_t* from, std::uint32_t count, int plane,
                     std::uint8_t* to) {
  const bool wide = layout.bits == 16;
  const std::size_t size = wide ? 2 : 1;
  if (plane >= 0) return pick_channel(from, size, count, wide, to + plane, layout.channels);
  if (!wide && layout.samples == layout.channels) {
    std::memcpy(to, from, std::size_t{count} * layout.samples);
    return;
  }
  for (int c = 0; c < layout.channels; ++c)
    pick_channel(from + static_cast<std::size_t>(c) * size, size * layout.samples, count, wide, to + c,
                 layout.channels);
}

void unpack_row(const TiffLayout& layout, const std::uint8_t* from, std::uint32_t count, int plane, std::uint8_t* to) {
  const std::size_t pixel = bytes_per_pixel(layout.mode);
  if (layout.bits < 8) {
    unpack_bits(layout, from, count, to);
  } else if (layout.bits == 12) {
    unpack_12_bits(from, count, to);
  } else if (layout.mode == PixelMode::kI && layout.bits == 16) {
    widen<std::int16_t, std::int32_t>(from, count, to);
  } else if (layout.bits == 64) {
    widen<double, float>(from, count, to);
  } else if (layout.bits == 8 * pixel && layout.samples == 1) {
    std::memcpy(to, from, count * pixel);
  } else {
    unpack_channels(layout, from, count, plane, to);
  }
  if (layout.photometric == PHOTOMETRIC_MINISWHITE && layout.bits <= 8)
    for (std::uint32_t i = 0; i < count * static_cast<std::uint32_t>(layout.channels);
         i += static_cast<std::uint32_t>(layout.channels))
      to[i] = static_cast<std::uint8_t>(255 - to[i]);
}

class BlockReader {
 public:
  BlockReader(TIFF* file, const TiffLayout& layout, Image& image) : file_(file), layout_(layout), image_(image) {}

  void read_tiles(int plane) {
    std::uint32_t width = 0, height = 0;
    TIFFGetField(file_, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(file_, TIFFTAG_TILELENGTH, &height);
    check_image_size(kFormat, width, height);
    const tmsize_t size = TIFFTileSize(file_);
    allocate(size);
    for (std::uint32_t y = 0; y < layout_.height; y += height)
      for (std::uint32_t x = 0; x < layout_.width; x += width) {
        const std::uint32_t tile = TIFFComputeTile(file_, x, y, 0, sample_of(plane));
        require(TIFFReadEncodedTile(file_, tile, buffer_.get(), size) == size);
        unpack({x, y, std::min(width, layout_.width - x), std::min(height, layout_.height - y),
                static_cast<std::size_t>(TIFFTileRowSize(file_)), plane});
      }
  }

  void read_strips(int plane) {
    std::uint32_t rows = layout_.height;
    TIFFGetFieldDefaulted(file_, TIFFTAG_ROWSPERSTRIP, &rows);
    rows = std::clamp<std::uint32_t>(rows, 1, layout_.height);
    allocate(TIFFVStripSize(file_, rows));
    for (std::uint32_t y = 0; y < layout_.height; y += rows) {
      const std::uint32_t count = std::min(rows, layout_.height - y);
      const tmsize_t size = TIFFVStripSize(file_, count);
      const std::uint32_t strip = TIFFComputeStrip(file_, y, sample_of(plane));
      require(TIFFReadEncodedStrip(file_, strip, buffer_.get(), size) == size);
      unpack({0, y, layout_.width, count, static_cast<std::size_t>(size) / count, plane});
    }
  }

 private:
  static std::uint16_t sample_of(int plane) { return static_cast<std::uint16_t>(std::max(plane, 0)); }

  static void require(bool whole) {
    if (!whole) fail_decode(kFormat, "the pixels are damaged or truncated");
  }

  /// Not filled: what a header claims costs nothing until there are pixels.
  void allocate(tmsize_t size) {
    if (size <= 0 || size > kMaxBlock) fail_decode(kFormat, "a strip or tile of it is too large");
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(size) + 8);
  }

  void unpack(const Block& block) {
    const int samples = block.plane >= 0 ? 1 : layout_.samples;
    const std::size_t needed = (std::size_t{block.width} * layout_.bits * static_cast<std::size_t>(samples) + 7) / 8;
    require(needed <= block.row_bytes);
    const std::size_t pixel = bytes_per_pixel(layout_.mode);
    for (std::uint32_t y = 0; y < block.height; ++y)
      unpack_row(layout_, buffer_.get() + y * block.row_bytes, block.width, block.plane,
                 image_.mutable_row(static_cast<int>(block.y + y)) + block.x * pixel);
  }

  TIFF* file_;
  const TiffLayout& layout_;
  Image& image_;
  std::unique_ptr<std::uint8_t[]> buffer_;
};

void set_palette(TIFF* file, const TiffLayout& layout, Image& image) {
  std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
  if (TIFFGetField(file, TIFFTAG_COLORMAP, &red, &green, &blue) != 1) fail_decode(kFormat, "the palette is missing");
  std::vector<std::uint8_t> palette;
  for (unsigned i = 0; i < 1U << layout.bits; ++i)
    for (const std::uint16_t* channel : {red, green, blue})
      palette.push_back(static_cast<std::uint8_t>(channel[i] >> 8));
  image.set_palette(std::move(palette));
}

/// Colours that were multiplied by alpha; where nothing is left of them they are black.
void divide_by_alpha(Image& image) {
  std::uint8_t* pixel = image.mutable_row(0);
  for (const std::uint8_t* end = pixel + image.byte_size(); pixel != end; pixel += 4) {
    const int alpha = pixel[3];
    for (int c = 0; c < 3; ++c)
      pixel[c] = static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min(pixel[c] * 255 / alpha, 255));
  }
}

}  // namespace

Image read_tiff_pixels(TIFF* file, const TiffLayout& layout) {
  Image image = Image::uninitialized(layout.mode, static_cast<int>(layout.width), static_cast<int>(layout.height));
  BlockReader reader(file, layout, image);
  for (int plane = layout.planes ? 0 : -1; plane < (layout.planes ? layout.channels : 0); ++plane)
    TIFFIsTiled(file) != 0 ? reader.read_tiles(plane) : reader.read_strips(plane);
  if (layout.mode == PixelMode::kP) set_palette(file, layout, image);
  if (layout.premultiplied) divide_by_alpha(image);
  return image;
}

}  // namespace intarsia
