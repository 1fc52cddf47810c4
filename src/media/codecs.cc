// SPDX-License-Identifier: Apache-2.0
#include "media/codecs.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "intarsia/error.h"

namespace intarsia {
namespace {

constexpr std::int64_t kMaxPixels = 178956970;
constexpr std::size_t kProbeBytes = 64 * 1024;
const std::array<const ImageCodec*, 7> kCodecs{&kJpegCodec, &kPngCodec,  &kWebpCodec, &kGifCodec,
                                               &kTiffCodec, &kHeifCodec, &kBmpCodec};

const ImageCodec& find_codec(std::string_view bytes) {
  for (const ImageCodec* codec : kCodecs) {
    if (codec->matches(bytes)) return *codec;
  }
  throw Error(ErrorCode::kInvalidDataFormat,
              bytes.empty() ? "not an image: no bytes"
                            : "not an image: known formats are JPEG, PNG, WebP, TIFF, GIF, HEIF and BMP");
}

ImageInfo probe_prefix(std::string_view head, std::uint64_t total) {
  const ImageCodec& codec = find_codec(head);
  ImageInfo info = codec.probe(head, total);
  check_image_size(info.format, info.width, info.height);
  return info;
}

std::string read_up_to(std::ifstream& file, std::size_t count) {
  std::string bytes(count, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

std::string metadata_json(int width, int height, PixelMode mode, std::optional<int> bits, std::string_view format) {
  nlohmann::ordered_json json;
  json["width"] = width;
  json["height"] = height;
  json["mode"] = mode_name(mode);
  json["bits"] = bits ? nlohmann::ordered_json(*bits) : nlohmann::ordered_json();
  json["format"] = format.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(format);
  return json.dump();
}

bool exceeds_limit(std::int64_t width, std::int64_t height) {
  return width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels;
}

}  // namespace

void fail_decode(std::string_view format, std::string_view what) {
  throw Error(ErrorCode::kInvalidDataFormat, fmt::format("{} image: {}", format, what));
}

void check_image_size(std::string_view format, std::int64_t width, std::int64_t height) {
  if (width <= 0 || height <= 0) fail_decode(format, fmt::format("size {}x{} is empty", width, height));
  if (exceeds_limit(width, height)) {
    fail_decode(format, fmt::format("{}x{} pixels exceed the limit of {}", width, height, kMaxPixels));
  }
}

void check_result_size(std::string_view operation, std::int64_t width, std::int64_t height) {
  if (!exceeds_limit(width, height)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: {}x{} pixels exceed the limit of {}", operation, width, height, kMaxPixels));
}

ImageInfo probe_image(std::string_view bytes) {
  return probe_prefix(bytes, bytes.size());
}

ImageInfo probe_image_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kInvalidDataFormat, fmt::format("cannot open image file {}", path.string()));
  const std::uint64_t total = std::filesystem::file_size(path);
  std::string bytes = read_up_to(file, kProbeBytes);
  if (bytes.size() < total) {
    try {
      return probe_prefix(bytes, total);
    } catch (const Error&) {  // the header may reach beyond the prefix
      bytes += read_up_to(file, total - bytes.size());
    }
  }
  return probe_image(bytes);
}

void validate_image(std::string_view bytes) {
  static_cast<void>(probe_image(bytes));
}

std::string image_metadata(std::string_view bytes) {
  const ImageInfo info = probe_image(bytes);
  return metadata_json(info.width, info.height, info.mode, info.bits, info.format);
}

std::string image_metadata(const Image& image) {
  return metadata_json(image.width(), image.height(), image.mode(), std::nullopt, {});
}

Image decode_image(std::string_view bytes) {
  return find_codec(bytes).decode(bytes);
}

std::string encode_image(const Image& image, std::string_view format, int quality) {
  if (image.empty() || image.width() == 0 || image.height() == 0) {
    throw Error(ErrorCode::kInvalidArgument, "encode_image: the image has no pixels");
  }
  if (quality < -1 || quality > 100) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("encode_image: quality {} is not in 1-100", quality));
  }
  if (format == "jpeg") return encode_jpeg(image, quality);
  if (format == "png") return encode_png(image);
  if (format == "webp") return encode_webp(image, quality);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("encode_image: format '{}' is not known; use 'jpeg', 'png' or 'webp'", format));
}

}  // namespace intarsia
