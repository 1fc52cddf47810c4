// SPDX-License-Identifier: Apache-2.0
//
// PNG, read and written here over libdeflate, which inflates a whole file at once much faster than a streaming zlib.
// A file is an 8-byte signature and chunks: length (4, big-endian), type (4), data, CRC-32 of type and data (4).
#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "intarsia/error.h"
#include "media/codecs.h"
#include "media/png_filters.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "PNG";
constexpr std::string_view kSignature{"\x89PNG\r\n\x1a\n", 8};
constexpr int kCompressionLevel = 3;

std::uint32_t big_endian_32(const char* at) {
  const auto* b = reinterpret_cast<const unsigned char*>(at);
  return static_cast<std::uint32_t>(b[0]) << 24 | static_cast<std::uint32_t>(b[1]) << 16 |
         static_cast<std::uint32_t>(b[2]) << 8 | b[3];
}

void append_32(std::string& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(value >> shift));
}

struct Chunk {
  std::string_view type;
  std::string_view data;
  bool complete;  ///< false when the file ends inside the chunk
  bool crc_ok;
};

/// Steps through the chunks of a file.
class ChunkReader {
 public:
  explicit ChunkReader(std::string_view bytes) : rest_(bytes.substr(std::min(bytes.size(), kSignature.size()))) {}

  /// False at the end of the bytes.
  bool next(Chunk& chunk) {
    if (rest_.size() < 8) return false;
    const std::size_t length = big_endian_32(rest_.data());
    chunk.type = rest_.substr(4, 4);
    chunk.data = rest_.substr(8, length);
    chunk.complete = rest_.size() >= length + 12;
    chunk.crc_ok = !chunk.complete || chunk.type == "IDAT" ||
                   libdeflate_crc32(0, rest_.data() + 4, length + 4) == big_endian_32(rest_.data() + 8 + length);
    rest_.remove_prefix(std::min(rest_.size(), length + 12));
    return true;
  }

 private:
  std::string_view rest_;
};

struct Header {
  int width = 0;
  int height = 0;
  int depth = 0;
  int colour = 0;
  bool interlaced = false;
  PixelMode mode = PixelMode::kL;

  [[nodiscard]] int channels() const { return colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1; }
  [[nodiscard]] std::size_t row_bytes(int pixels) const {
    return (static_cast<std::size_t>(pixels) * static_cast<std::size_t>(channels() * depth) + 7) / 8;
  }
  [[nodiscard]] int filter_step() const { return std::max(1, channels() * depth / 8); }
};

/// Everything a file says before and in its pixels.
struct Parsed {
  Header header;
  std::vector<std::uint8_t> palette;
  std::vector<std::uint8_t> alpha;
  std::string_view first_data;
  std::string joined_data;  ///< used when the pixels come in several chunks
  bool has_data = false;

  [[nodiscard]] std::string_view data() const { return joined_data.empty() ? first_data : joined_data; }
};

/// The mode that Pillow gives to a colour type and depth; it has no 16-bit LA.
PixelMode mode_of(int colour, int depth) {
  const bool small = depth == 1 || depth == 2 || depth == 4;
  const bool wide = depth == 8 || depth == 16;
  if (colour == 0 && depth == 1) return PixelMode::kBilevel;
  if (colour == 0 && depth == 16) return PixelMode::kI16;
  if (colour == 0 && (small || depth == 8)) return PixelMode::kL;
  if (colour == 3 && (small || depth == 8)) return PixelMode::kP;
  if (colour == 2 && wide) return PixelMode::kRGB;
  if (colour == 4 && depth == 8) return PixelMode::kLA;
  if ((colour == 4 && depth == 16) || (colour == 6 && wide)) return PixelMode::kRGBA;
  fail_decode(kFormat, fmt::format("colour type {} with {} bits is not valid", colour, depth));
}

Header parse_header(std::string_view data) {
  if (data.size() < 13) fail_decode(kFormat, "the IHDR chunk is truncated");
  if (data[11] != 0) fail_decode(kFormat, "unknown filter category");
  const std::uint32_t width = big_endian_32(data.data());
  const std::uint32_t height = big_endian_32(data.data() + 4);
  check_image_size(kFormat, width, height);
  Header header;
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
  header.depth = static_cast<unsigned char>(data[8]);
  header.colour = static_cast<unsigned char>(data[9]);
  header.interlaced = data[12] != 0;
  header.mode = mode_of(header.colour, header.depth);
  return header;
}

/// Reads chunks up to the first IDAT, or all of them.
Parsed parse(std::string_view bytes, bool header_only) {
  Parsed parsed;
  ChunkReader reader(bytes);
  Chunk chunk;
  while (reader.next(chunk)) {
    if (!chunk.crc_ok) fail_decode(kFormat, fmt::format("the checksum of chunk {} is wrong", chunk.type));
    if (chunk.type == "IDAT") {
      if (header_only && parsed.header.width > 0) {
        parsed.has_data = true;
        return parsed;
      }
      if (parsed.has_data && parsed.joined_data.empty()) parsed.joined_data = parsed.first_data;
      parsed.has_data ? void(parsed.joined_data += chunk.data) : void(parsed.first_data = chunk.data);
      parsed.has_data = true;
    } else if (parsed.has_data || chunk.type == "IEND") {
      break;
    } else if (!chunk.complete) {
      fail_decode(kFormat, "the file is truncated");
    } else if (chunk.type == "IHDR") {
      parsed.header = parse_header(chunk.data);
    } else if (chunk.type == "PLTE") {
      parsed.palette.assign(chunk.data.begin(), chunk.data.begin() + static_cast<long>(chunk.data.size() / 3 * 3));
    } else if (chunk.type == "tRNS") {
      parsed.alpha.assign(chunk.data.begin(), chunk.data.end());
    }
  }
  if (parsed.header.width == 0) fail_decode(kFormat, "there is no IHDR chunk");
  if (!parsed.has_data) fail_decode(kFormat, "there are no pixels; the file is truncated");
  return parsed;
}

struct Pass {
  int x, y, step_x, step_y;
};

constexpr std::array<Pass, 7> kAdam7{
    {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};
constexpr Pass kWhole{0, 0, 1, 1};

int steps(int size, int first, int step) {
  return size <= first ? 0 : (size - first + step - 1) / step;
}

std::size_t pass_bytes(const Header& header, const Pass& pass) {
  const int width = steps(header.width, pass.x, pass.step_x);
  const int height = steps(header.height, pass.y, pass.step_y);
  return width == 0 ? 0 : (header.row_bytes(width) + 1) * static_cast<std::size_t>(height);
}

using Decompressor = std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;
using Compressor = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
using Buffer = std::unique_ptr<std::uint8_t[]>;

/// Inflates at least `size` bytes; some more in the stream is tolerated.
Buffer inflate_pixels(std::string_view data, std::size_t size) {
  const Decompressor decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  for (const std::size_t room : {size, 2 * size + 65536}) {
    Buffer buffer(new std::uint8_t[room + 64]);
    std::size_t got = 0;
    const libdeflate_result result =
        libdeflate_zlib_decompress(decompressor.get(), data.data(), data.size(), buffer.get(), room, &got);
    if (result == LIBDEFLATE_SUCCESS && got >= size) return buffer;
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) break;
  }
  fail_decode(kFormat, "the compressed pixels are damaged or truncated");
}

/// Spreads samples of 1, 2 or 4 bits over bytes, each multiplied by `scale`.
void unpack_bits(const std::uint8_t* from, std::uint8_t* to, int count, int depth, int scale) {
  const int mask = (1 << depth) - 1;
  for (int i = 0; i < count; ++i) {
    const int shift = 8 - depth - (i * depth & 7);
    to[i] = static_cast<std::uint8_t>(((from[i * depth >> 3] >> shift) & mask) * scale);
  }
}

/// Turns a row of the file into a row of pixels.
void unpack_row(const Header& header, const std::uint8_t* from, std::uint8_t* to, int width) {
  if (header.depth < 8) {
    const int scale = header.colour == 3 ? 1 : 255 / ((1 << header.depth) - 1);
    unpack_bits(from, to, width, header.depth, scale);
  } else if (header.depth == 8) {
    std::memcpy(to, from, header.row_bytes(width));
  } else if (header.mode == PixelMode::kI16) {
    for (int i = 0; i < width; ++i) {
      const auto value = static_cast<std::uint16_t>(from[2 * i] << 8 | from[2 * i + 1]);
      std::memcpy(to + 2 * i, &value, 2);
    }
  } else if (header.colour == 4) {
    for (int i = 0; i < width; ++i) {
      std::memset(to + 4 * i, from[4 * i], 3);
      to[4 * i + 3] = from[4 * i + 2];
    }
  } else {
    for (int i = 0; i < width * header.channels(); ++i) to[i] = from[2 * i];
  }
}

/// Places the pixels of an interlaced row.
void scatter_row(const std::uint8_t* from, std::uint8_t* to, int width, int step, std::size_t pixel) {
  for (int i = 0; i < width; ++i, from += pixel, to += static_cast<std::size_t>(step) * pixel) {
    std::memcpy(to, from, pixel);
  }
}

void read_pass(const Header& header, const Pass& pass, std::uint8_t* rows, Image& image) {
  const int width = steps(header.width, pass.x, pass.step_x);
  const int height = steps(header.height, pass.y, pass.step_y);
  const std::size_t row_bytes = header.row_bytes(width);
  const std::size_t pixel = bytes_per_pixel(header.mode);
  std::vector<std::uint8_t> line(static_cast<std::size_t>(width) * pixel + 16);
  const std::uint8_t* above = nullptr;
  for (int y = 0; y < height && width > 0; ++y, rows += row_bytes + 1) {
    if (!undo_png_filter(rows[0], rows + 1, above, row_bytes, header.filter_step())) {
      fail_decode(kFormat, fmt::format("row filter {} is not valid", rows[0]));
    }
    above = rows + 1;
    std::uint8_t* to = image.mutable_row(pass.y + y * pass.step_y) + static_cast<std::size_t>(pass.x) * pixel;
    if (pass.step_x == 1) {
      unpack_row(header, above, to, width);
    } else {
      unpack_row(header, above, line.data(), width);
      scatter_row(line.data(), to, width, pass.step_x, pixel);
    }
  }
}

Image decode_png(std::string_view bytes) {
  Parsed parsed = parse(bytes, false);
  const Header& header = parsed.header;
  std::size_t size = header.interlaced ? 0 : pass_bytes(header, kWhole);
  if (header.interlaced) {
    for (const Pass& pass : kAdam7) size += pass_bytes(header, pass);
  }
  const Buffer rows = inflate_pixels(parsed.data(), size);
  Image image = Image::uninitialized(header.mode, header.width, header.height);
  if (!header.interlaced) {
    read_pass(header, kWhole, rows.get(), image);
  } else {
    std::uint8_t* at = rows.get();
    for (const Pass& pass : kAdam7) {
      read_pass(header, pass, at, image);
      at += pass_bytes(header, pass);
    }
  }
  if (header.mode == PixelMode::kP) image.set_palette(std::move(parsed.palette), std::move(parsed.alpha));
  return image;
}

bool is_png(std::string_view head) {
  return head.starts_with(kSignature);
}

ImageInfo probe_png(std::string_view head, std::uint64_t /*total*/) {
  const Header header = parse(head, true).header;
  return {std::string(kFormat), header.mode, header.width, header.height, {}};
}

void append_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out.append(type).append(data);
  append_32(out, libdeflate_crc32(0, out.data() + begin, out.size() - begin));
}

/// Colour type and depth that hold a mode without loss.
std::pair<int, int> layout_of(PixelMode mode) {
  switch (mode) {
    case PixelMode::kBilevel:
      return {0, 1};
    case PixelMode::kL:
      return {0, 8};
    case PixelMode::kLA:
      return {4, 8};
    case PixelMode::kP:
      return {3, 8};
    case PixelMode::kRGB:
      return {2, 8};
    case PixelMode::kRGBA:
      return {6, 8};
    case PixelMode::kI:
    case PixelMode::kI16:
      return {0, 16};
    default:
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("cannot write mode {} as PNG; convert it to RGB or L first", mode_name(mode)));
  }
}

/// A row of the image as the file holds it.
void pack_row(const Image& image, int y, std::uint8_t* to) {
  const std::uint8_t* from = image.row(y);
  const int width = image.width();
  if (image.mode() == PixelMode::kBilevel) {
    std::memset(to, 0, static_cast<std::size_t>(width + 7) / 8);
    for (int x = 0; x < width; ++x)
      to[x >> 3] = static_cast<std::uint8_t>(to[x >> 3] | (from[x] != 0) << (7 - (x & 7)));
  } else if (image.mode() == PixelMode::kI || image.mode() == PixelMode::kI16) {
    for (int x = 0; x < width; ++x) {
      std::int32_t value = 0;
      std::memcpy(&value, from + static_cast<std::size_t>(x) * bytes_per_pixel(image.mode()),
                  bytes_per_pixel(image.mode()));
      value = std::clamp(value, 0, 65535);
      to[2 * x] = static_cast<std::uint8_t>(value >> 8);
      to[2 * x + 1] = static_cast<std::uint8_t>(value);
    }
  } else {
    std::memcpy(to, from, static_cast<std::size_t>(width) * bytes_per_pixel(image.mode()));
  }
}

std::string compress(const std::vector<std::uint8_t>& rows) {
  const Compressor compressor(libdeflate_alloc_compressor(kCompressionLevel), libdeflate_free_compressor);
  std::string data(libdeflate_zlib_compress_bound(compressor.get(), rows.size()), '\0');
  data.resize(libdeflate_zlib_compress(compressor.get(), rows.data(), rows.size(), data.data(), data.size()));
  return data;
}

void append_palette(std::string& out, const Image& image) {
  const std::vector<std::uint8_t>& palette = image.palette();
  const std::vector<std::uint8_t>& alpha = image.palette_alpha();
  const std::size_t entries = std::clamp<std::size_t>(palette.size() / 3, 1, 256);
  std::string colours(entries * 3, '\0');
  std::copy_n(palette.begin(), std::min(palette.size(), colours.size()), colours.begin());
  append_chunk(out, "PLTE", colours);
  if (!alpha.empty())
    append_chunk(out, "tRNS",
                 std::string(alpha.begin(), alpha.begin() + static_cast<long>(std::min(alpha.size(), entries))));
}

}  // namespace

std::string encode_png(const Image& image) {
  const auto [colour, depth] = layout_of(image.mode());
  Header header;
  header.colour = colour;
  header.depth = depth;
  const std::size_t row_bytes = header.row_bytes(image.width());
  std::vector<std::uint8_t> packed[2] = {std::vector<std::uint8_t>(row_bytes + 64),
                                         std::vector<std::uint8_t>(row_bytes + 64)};
  std::vector<std::uint8_t> rows((row_bytes + 1) * static_cast<std::size_t>(image.height()));
  const bool filtered = depth >= 8 && colour != 3;
  std::uint8_t* to = rows.data();
  for (int y = 0; y < image.height(); ++y, to += row_bytes + 1) {
    pack_row(image, y, packed[y & 1].data());
    const std::uint8_t* above = y == 0 ? nullptr : packed[1 - (y & 1)].data();
    apply_png_filter(filtered, packed[y & 1].data(), above, row_bytes, header.filter_step(), to);
  }
  std::string out(kSignature);
  std::string ihdr;
  append_32(ihdr, static_cast<std::uint32_t>(image.width()));
  append_32(ihdr, static_cast<std::uint32_t>(image.height()));
  ihdr += {static_cast<char>(depth), static_cast<char>(colour), 0, 0, 0};
  append_chunk(out, "IHDR", ihdr);
  if (colour == 3) append_palette(out, image);
  append_chunk(out, "IDAT", compress(rows));
  append_chunk(out, "IEND", {});
  return out;
}

const ImageCodec kPngCodec{kFormat, is_png, probe_png, decode_png};

}  // namespace intarsia
