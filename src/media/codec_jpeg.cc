// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <vector>

#include "intarsia/error.h"
#include "media/codecs.h"

namespace intarsia {
namespace {

constexpr std::string_view kFormat = "JPEG";
constexpr int kRowsPerCall = 16;

/// libjpeg's error manager with the place to return to; errors end the call, warnings are ignored as Pillow does.
struct ErrorTrap {
  jpeg_error_mgr manager;
  std::jmp_buf on_error;
  char message[JMSG_LENGTH_MAX] = {};
};

void leave_with_message(j_common_ptr info) {
  auto* trap = reinterpret_cast<ErrorTrap*>(info->err);
  info->err->format_message(info, trap->message);
  std::longjmp(trap->on_error, 1);
}

void ignore_message(j_common_ptr) {}

jpeg_error_mgr* install(ErrorTrap& trap) {
  jpeg_error_mgr* manager = jpeg_std_error(&trap.manager);
  manager->error_exit = leave_with_message;
  manager->output_message = ignore_message;
  return manager;
}

void begin_source(j_decompress_ptr) {}
void end_source(j_decompress_ptr) {}

/// All bytes were given at the start: needing more means that the file is cut off.
boolean fail_at_end(j_decompress_ptr info) {
  auto* trap = reinterpret_cast<ErrorTrap*>(info->err);
  std::snprintf(trap->message, sizeof trap->message, "the file is truncated");
  std::longjmp(trap->on_error, 1);
}

void skip_source(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if (static_cast<std::size_t>(count) > info->src->bytes_in_buffer) fail_at_end(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= static_cast<std::size_t>(count);
}

/// Owns a libjpeg decompressor and its input.
struct Reader {
  explicit Reader(std::string_view bytes) {
    info.err = install(trap);
    source.init_source = begin_source;
    source.fill_input_buffer = fail_at_end;
    source.skip_input_data = skip_source;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = end_source;
    source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
    source.bytes_in_buffer = bytes.size();
  }
  ~Reader() { jpeg_destroy_decompress(&info); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  jpeg_decompress_struct info{};
  jpeg_source_mgr source{};
  ErrorTrap trap;
};

PixelMode mode_of(int components) {
  switch (components) {
    case 1:
      return PixelMode::kL;
    case 3:
      return PixelMode::kRGB;
    case 4:
      return PixelMode::kCMYK;
    default:
      fail_decode(kFormat, fmt::format("cannot handle {} components", components));
  }
}

J_COLOR_SPACE color_space_of(PixelMode mode) {
  switch (mode) {
    case PixelMode::kL:
    case PixelMode::kBilevel:
      return JCS_GRAYSCALE;
    case PixelMode::kCMYK:
      return JCS_CMYK;
    case PixelMode::kYCbCr:
      return JCS_YCbCr;
    default:
      return JCS_RGB;
  }
}

/// Where libjpeg's errors stop when decoding: false with trap.message set. Holds no object that a jump would skip.
bool read_pixels(Reader& reader, Image& image) {
  jpeg_decompress_struct& info = reader.info;
  if (setjmp(reader.trap.on_error) != 0) return false;
  jpeg_create_decompress(&info);
  info.src = &reader.source;
  jpeg_read_header(&info, TRUE);
  check_image_size(kFormat, info.image_width, info.image_height);
  const PixelMode mode = mode_of(info.num_components);
  info.out_color_space = color_space_of(mode);
  jpeg_start_decompress(&info);
  image = Image::uninitialized(mode, static_cast<int>(info.output_width), static_cast<int>(info.output_height));
  while (info.output_scanline < info.output_height) {
    std::array<JSAMPROW, kRowsPerCall> rows;
    const int first = static_cast<int>(info.output_scanline);
    const int count = std::min(kRowsPerCall, image.height() - first);
    for (int i = 0; i < count; ++i) rows[static_cast<std::size_t>(i)] = image.mutable_row(first + i);
    jpeg_read_scanlines(&info, rows.data(), static_cast<JDIMENSION>(count));
  }
  jpeg_finish_decompress(&info);
  return true;
}

/// Adobe writes CMYK inverted, and so does practically everyone.
void invert(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::uint8_t>(255 - from[i]);
}

Image decode_jpeg(std::string_view bytes) {
  Reader reader(bytes);
  Image image;
  if (!read_pixels(reader, image)) fail_decode(kFormat, reader.trap.message);
  if (image.mode() == PixelMode::kCMYK) invert(image.data(), image.mutable_row(0), image.byte_size());
  return image;
}

int big_endian_16(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]) << 8 | static_cast<unsigned char>(bytes[at + 1]);
}

bool is_frame_header(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

bool has_no_length(int marker) {
  return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9);
}

ImageInfo read_frame_header(std::string_view bytes, std::size_t at) {
  if (at + 8 > bytes.size()) fail_decode(kFormat, "the header is truncated");
  ImageInfo info{std::string(kFormat), PixelMode::kL, big_endian_16(bytes, at + 5), big_endian_16(bytes, at + 3), {}};
  info.bits = static_cast<unsigned char>(bytes[at + 2]);
  if (info.bits != 8) fail_decode(kFormat, fmt::format("cannot handle {}-bit samples", *info.bits));
  info.mode = mode_of(static_cast<unsigned char>(bytes[at + 7]));
  return info;
}

/// Walks the markers up to the frame header.
ImageInfo probe_jpeg(std::string_view bytes, std::uint64_t /*total*/) {
  std::size_t at = 2;
  while (at + 4 <= bytes.size()) {
    if (static_cast<unsigned char>(bytes[at]) != 0xFF) {
      ++at;
      continue;
    }
    const int marker = static_cast<unsigned char>(bytes[at + 1]);
    if (marker == 0xFF) {
      ++at;
    } else if (marker == 0 || has_no_length(marker)) {
      at += 2;
    } else if (is_frame_header(marker)) {
      return read_frame_header(bytes, at + 2);
    } else if (marker == 0xDA) {
      break;
    } else {
      at += 2 + static_cast<std::size_t>(big_endian_16(bytes, at + 2));
    }
  }
  fail_decode(kFormat, "there is no frame header");
}

bool is_jpeg(std::string_view head) {
  return head.starts_with("\xFF\xD8\xFF");
}

/// A libjpeg destination that grows a string.
struct Writer {
  Writer(std::string& out, std::size_t guess) : output(out) {
    info.err = install(trap);
    output.resize(guess);
    destination.init_destination = begin;
    destination.empty_output_buffer = grow;
    destination.term_destination = finish;
    info.client_data = this;
  }
  ~Writer() { jpeg_destroy_compress(&info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void offer(std::size_t from) {
    destination.next_output_byte = reinterpret_cast<JOCTET*>(output.data()) + from;
    destination.free_in_buffer = output.size() - from;
  }
  static void begin(j_compress_ptr info) { static_cast<Writer*>(info->client_data)->offer(0); }
  static boolean grow(j_compress_ptr info) {
    auto* self = static_cast<Writer*>(info->client_data);
    const std::size_t used = self->output.size();
    self->output.resize(used * 2);
    self->offer(used);
    return TRUE;
  }
  static void finish(j_compress_ptr info) {
    auto* self = static_cast<Writer*>(info->client_data);
    self->output.resize(self->output.size() - self->destination.free_in_buffer);
  }

  std::string& output;
  jpeg_compress_struct info{};
  jpeg_destination_mgr destination{};
  ErrorTrap trap;
};

/// Where libjpeg's errors stop when encoding: false with trap.message set. `row` is scratch for inverted CMYK.
bool write_pixels(Writer& writer, const Image& image, int quality, std::vector<std::uint8_t>& row) {
  jpeg_compress_struct& info = writer.info;
  if (setjmp(writer.trap.on_error) != 0) return false;
  jpeg_create_compress(&info);
  info.client_data = &writer;
  info.dest = &writer.destination;
  info.image_width = static_cast<JDIMENSION>(image.width());
  info.image_height = static_cast<JDIMENSION>(image.height());
  info.in_color_space = color_space_of(image.mode());
  info.input_components = static_cast<int>(bytes_per_pixel(image.mode()));
  jpeg_set_defaults(&info);
  if (quality > 0) jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* pixels = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
    if (!row.empty()) {
      invert(pixels, row.data(), row.size());
      pixels = row.data();
    }
    jpeg_write_scanlines(&info, &pixels, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

bool can_be_jpeg(PixelMode mode) {
  return mode == PixelMode::kL || mode == PixelMode::kBilevel || mode == PixelMode::kRGB || mode == PixelMode::kCMYK ||
         mode == PixelMode::kYCbCr;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality) {
  if (!can_be_jpeg(image.mode())) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot write mode {} as JPEG; convert it to RGB or L first", mode_name(image.mode())));
  }
  std::string output;
  std::vector<std::uint8_t> row(image.mode() == PixelMode::kCMYK ? static_cast<std::size_t>(image.width()) * 4 : 0);
  Writer writer(output, image.byte_size() / 6 + 4096);
  if (!write_pixels(writer, image, quality, row)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("cannot write the image as JPEG: {}", writer.trap.message));
  }
  return output;
}

const ImageCodec kJpegCodec{kFormat, is_jpeg, probe_jpeg, decode_jpeg};

}  // namespace intarsia
