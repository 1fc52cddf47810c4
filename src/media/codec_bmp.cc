// SPDX-License-Identifier: Apache-2.0
//
// BMP: a 14-byte file header, an info header (its size first), colour masks or a palette of BGR0 entries, rows from the
// bottom up (top down when the height is negative), each padded to four bytes. Everything is little-endian.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <vector>

#include "intarsia/error.h"
#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "BMP";
constexpr std::uint32_t kPlain = 0, kRunLength8 = 1, kRunLength4 = 2, kBitFields = 3, kAlphaBitFields = 6;

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint32_t at(std::size_t offset, std::size_t size) const {
    if (offset + size > bytes_.size()) fail_decode(kFormat, "the file is truncated");
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes_[offset + i]);
    return value;
  }

 private:
  std::string_view bytes_;
};

struct Header {
  std::uint32_t pixels_at = 0, bits = 0, compression = 0;
  int width = 0, height = 0;
  bool top_down = false;
  std::array<std::uint32_t, 4> masks{0x00ff0000, 0x0000ff00, 0x000000ff, 0};  // red, green, blue, alpha
  std::vector<std::uint8_t> palette;                                          // RGB triples
  PixelMode mode = PixelMode::kRGB;
};

void read_palette(const Bytes& file, Header& header, std::size_t at, std::size_t entry, std::uint32_t colours) {
  bool grey = true;
  for (std::uint32_t i = 0; i < colours; ++i) {
    const std::array<std::uint32_t, 3> bgr{file.at(at + i * entry, 1), file.at(at + i * entry + 1, 1),
                                           file.at(at + i * entry + 2, 1)};
    for (std::size_t c = 3; c-- > 0;) header.palette.push_back(static_cast<std::uint8_t>(bgr[c]));
    const std::uint32_t ramp = colours == 2 ? i * 255 : i;
    grey = grey && bgr[0] == ramp && bgr[1] == ramp && bgr[2] == ramp;
  }
  header.mode = !grey ? PixelMode::kP : colours == 2 ? PixelMode::kBilevel : PixelMode::kL;
}

bool is_run_length(const Header& header) {
  return (header.compression == kRunLength8 && header.bits == 8) ||
         (header.compression == kRunLength4 && header.bits == 4);
}

void check_kind(const Header& header) {
  const bool plain =
      header.compression == kPlain || header.compression == kBitFields || header.compression == kAlphaBitFields;
  const bool known_bits = header.bits == 1 || header.bits == 4 || header.bits == 8 || header.bits == 16 ||
                          header.bits == 24 || header.bits == 32;
  if ((!plain || !known_bits) && !is_run_length(header))
    fail_decode(kFormat, fmt::format("compression {} with {} bits is not supported", header.compression, header.bits));
}

Header read_header(std::string_view bytes) {
  const Bytes file(bytes);
  Header header;
  header.pixels_at = file.at(10, 4);
  const std::uint32_t size = file.at(14, 4);
  const bool old = size == 12;
  const std::int64_t height = static_cast<std::int32_t>(old ? file.at(20, 2) : file.at(22, 4));
  const auto width = static_cast<std::int32_t>(old ? file.at(18, 2) : file.at(18, 4));
  check_image_size(kFormat, width, std::abs(height));
  header.top_down = height < 0;
  header.width = width;
  header.height = static_cast<int>(std::abs(height));
  header.bits = file.at(old ? 24 : 28, 2);
  header.compression = old ? kPlain : file.at(30, 4);
  check_kind(header);
  std::size_t palette_at = 14 + size;
  if (header.bits == 16) header.masks = {0x7c00, 0x03e0, 0x001f, 0};
  if (header.compression == kBitFields || header.compression == kAlphaBitFields) {
    const std::size_t masks = header.compression == kAlphaBitFields || size >= 56 ? 4 : 3;
    for (std::size_t i = 0; i < masks; ++i) header.masks[i] = file.at(54 + i * 4, 4);
    if (size == 40) palette_at += masks * 4;
    if (header.masks[3] != 0 && header.bits == 32) header.mode = PixelMode::kRGBA;
  }
  if (header.bits <= 8) {
    const std::uint32_t listed = old ? 0 : file.at(46, 4);
    const std::uint32_t most = 1U << header.bits;
    read_palette(file, header, palette_at, old ? 3 : 4, listed == 0 || listed > most ? most : listed);
  }
  return header;
}

std::uint8_t sample_of(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 255;
  const std::uint64_t value = (pixel & mask) >> std::countr_zero(mask);
  const std::uint64_t most = mask >> std::countr_zero(mask);
  return static_cast<std::uint8_t>(most == 255 ? value : value * 255 / most);
}

/// `from` has all the bytes of the row.
void read_row(const Header& header, const std::uint8_t* from, std::uint8_t* out) {
  const std::size_t channels = header.mode == PixelMode::kRGBA ? 4 : 3;
  for (int x = 0; x < header.width; ++x) {
    if (header.bits == 24) {
      for (int c = 2; c >= 0; --c) *out++ = from[c];
      from += 3;
    } else if (header.bits > 8) {
      std::uint32_t pixel = from[0] | static_cast<std::uint32_t>(from[1]) << 8;
      if (header.bits == 32)
        pixel |= static_cast<std::uint32_t>(from[2]) << 16 | static_cast<std::uint32_t>(from[3]) << 24;
      for (std::size_t c = 0; c < channels; ++c) *out++ = sample_of(pixel, header.masks[c]);
      from += header.bits / 8;
    } else {
      const std::size_t bit = static_cast<std::size_t>(x) * header.bits;
      const unsigned index = from[bit / 8] >> (8 - header.bits - bit % 8) & ((1U << header.bits) - 1);
      *out++ = static_cast<std::uint8_t>(header.mode == PixelMode::kBilevel ? index * 255 : index);
    }
  }
}

/// Pairs of count and value; after a 0: 0 ends the row, 1 the image, 2 moves, more are that many values as they are.
/// With 4 bits a byte has two values, which take turns.
void read_run_length(const Bytes& file, const Header& header, Image& image) {
  std::size_t at = header.pixels_at;
  int x = 0, y = 0;
  const auto put = [&](std::uint32_t index) {
    if (y >= header.height) fail_decode(kFormat, "more rows than the header says");
    if (x >= header.width) return;
    image.mutable_row(header.top_down ? y : header.height - 1 - y)[x++] = static_cast<std::uint8_t>(index);
  };
  const bool halves = header.bits == 4;
  const auto value_of = [&](std::uint32_t byte, std::uint32_t i) {
    return !halves ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
  };
  while (y < header.height && (y < header.height - 1 || x < header.width)) {
    const std::uint32_t count = file.at(at, 1), value = file.at(at + 1, 1);
    at += 2;
    if (count > 0) {
      for (std::uint32_t i = 0; i < count; ++i) put(value_of(value, i));
    } else if (value == 0) {
      x = 0;
      ++y;
    } else if (value == 1) {
      return;
    } else if (value == 2) {
      x = std::min(x + static_cast<int>(file.at(at, 1)), header.width);
      y += static_cast<int>(file.at(at + 1, 1));
      at += 2;
    } else {
      const std::uint32_t bytes = halves ? (value + 1) / 2 : value;
      for (std::uint32_t i = 0; i < value; ++i) put(value_of(file.at(at + (halves ? i / 2 : i), 1), i));
      at += bytes + (bytes & 1);
    }
  }
}

bool is_bmp(std::string_view head) {
  return head.starts_with("BM");
}

ImageInfo probe_bmp(std::string_view head, std::uint64_t) {
  const Header header = read_header(head);
  return {std::string(kFormat), header.mode, header.width, header.height, std::nullopt};
}

Image decode_bmp(std::string_view bytes) {
  const Header header = read_header(bytes);
  const bool run_length = is_run_length(header);
  const std::size_t stride = (static_cast<std::size_t>(header.width) * header.bits + 31) / 32 * 4;
  if (!run_length && header.pixels_at + stride * static_cast<std::size_t>(header.height) > bytes.size())
    fail_decode(kFormat, "the file is truncated");
  Image image(header.mode, header.width, header.height);
  if (header.mode == PixelMode::kP) image.set_palette(header.palette);
  if (run_length) {
    read_run_length(Bytes(bytes), header, image);
    return image;
  }
  const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data()) + header.pixels_at;
  for (int y = 0; y < header.height; ++y, from += stride)
    read_row(header, from, image.mutable_row(header.top_down ? y : header.height - 1 - y));
  return image;
}

}  // namespace

const ImageCodec kBmpCodec{kFormat, is_bmp, probe_bmp, decode_bmp};

}  // namespace intarsia
