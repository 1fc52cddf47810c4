// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "intarsia/media.h"

namespace intarsia {

/// What the header of an encoded image says.
struct ImageInfo {
  std::string format;  ///< "JPEG", "PNG", "WEBP", "TIFF", "GIF", "HEIF", "AVIF", "BMP"
  PixelMode mode = PixelMode::kRGB;
  int width = 0;
  int height = 0;
  std::optional<int> bits;  ///< bits per sample, where Pillow reports them (JPEG)
};

/// Reads the header only. Throws Error(kInvalidDataFormat) when it is not that of an image.
[[nodiscard]] ImageInfo probe_image(std::string_view bytes);
/// The same for a file, of which only the first part is read where that is enough.
[[nodiscard]] ImageInfo probe_image_file(const std::filesystem::path& path);
/// Accepts what can be opened: a valid header, as `PIL.Image.open` does. Damaged pixels show when they are decoded.
void validate_image(std::string_view bytes);

/// {"width", "height", "mode", "bits", "format"} as JSON, of an encoded image.
[[nodiscard]] std::string image_metadata(std::string_view bytes);
/// The same of a computed image, which has no format.
[[nodiscard]] std::string image_metadata(const Image& image);

/// One image format. `probe` may get the first part of a file only; `total` is the size of the whole.
struct ImageCodec {
  std::string_view format;
  bool (*matches)(std::string_view head);
  ImageInfo (*probe)(std::string_view head, std::uint64_t total);
  Image (*decode)(std::string_view bytes);
};

extern const ImageCodec kJpegCodec;
extern const ImageCodec kPngCodec;
extern const ImageCodec kWebpCodec;
extern const ImageCodec kTiffCodec;
extern const ImageCodec kGifCodec;
extern const ImageCodec kHeifCodec;
extern const ImageCodec kBmpCodec;

[[nodiscard]] std::string encode_jpeg(const Image& image, int quality);
[[nodiscard]] std::string encode_png(const Image& image);
[[nodiscard]] std::string encode_webp(const Image& image, int quality);

/// Throws Error(kInvalidDataFormat) "<format> image: <what>".
[[noreturn]] void fail_decode(std::string_view format, std::string_view what);
/// Refuses sizes that are empty or so large that they can only be an attack (Pillow's limit: 178,956,970 pixels).
void check_image_size(std::string_view format, std::int64_t width, std::int64_t height);
/// The same limit for what an operation makes; throws Error(kInvalidArgument). Empty results are fine.
void check_result_size(std::string_view operation, std::int64_t width, std::int64_t height);

}  // namespace intarsia
