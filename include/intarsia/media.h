// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace intarsia {

/// Pixel layouts, named as Pillow names its modes. Samples are uint8 except kI (int32), kF (float32), kI16 (uint16,
/// native order). kBilevel ("1") holds one byte per pixel, 0 or 255. kRGB holds three bytes per pixel.
enum class PixelMode : std::uint8_t { kBilevel, kL, kLA, kP, kRGB, kRGBA, kCMYK, kYCbCr, kHSV, kLAB, kI, kF, kI16 };

/// "1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16".
[[nodiscard]] std::string_view mode_name(PixelMode mode);
/// The inverse of mode_name; throws Error(kInvalidArgument) that lists the modes.
[[nodiscard]] PixelMode parse_mode(std::string_view name);
/// Bytes per pixel.
[[nodiscard]] std::size_t bytes_per_pixel(PixelMode mode);

/// A decoded image: shared, immutable once it is published to other threads; copying copies a pointer.
/// Rows are packed: row y begins at data() + y * width * bytes_per_pixel(mode).
class Image {
 public:
  Image() = default;
  /// Zeroed pixels. Requires: width >= 0, height >= 0.
  Image(PixelMode mode, int width, int height);
  /// Pixels of any value, for a caller who writes all of them. Requires: width >= 0, height >= 0.
  [[nodiscard]] static Image uninitialized(PixelMode mode, int width, int height);

  [[nodiscard]] bool empty() const noexcept { return pixels_ == nullptr; }
  [[nodiscard]] PixelMode mode() const noexcept { return mode_; }
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] std::size_t row_bytes() const noexcept { return row_bytes_; }
  /// Size of the pixels in bytes; what the memory budget counts.
  [[nodiscard]] std::size_t byte_size() const noexcept { return row_bytes_ * static_cast<std::size_t>(height_); }
  [[nodiscard]] const std::uint8_t* data() const noexcept { return pixels_.get(); }
  [[nodiscard]] const std::uint8_t* row(int y) const noexcept {
    return pixels_.get() + row_bytes_ * static_cast<std::size_t>(y);
  }
  /// For whoever fills a new image; not to be used once the image is shared.
  [[nodiscard]] std::uint8_t* mutable_row(int y) noexcept {
    return pixels_.get() + row_bytes_ * static_cast<std::size_t>(y);
  }
  /// RGB triples of a kP image (at most 256); empty otherwise.
  [[nodiscard]] const std::vector<std::uint8_t>& palette() const;
  /// Opacity of each palette entry (missing ones are opaque); empty when the whole palette is.
  [[nodiscard]] const std::vector<std::uint8_t>& palette_alpha() const;
  void set_palette(std::vector<std::uint8_t> rgb_triples, std::vector<std::uint8_t> alpha = {});
  /// True for LA, RGBA and palettes with opacity: such an image cannot be stored as JPEG.
  [[nodiscard]] bool has_alpha() const noexcept;

 private:
  std::shared_ptr<std::uint8_t[]> pixels_;
  std::shared_ptr<const std::vector<std::uint8_t>> palette_;
  std::shared_ptr<const std::vector<std::uint8_t>> palette_alpha_;
  std::size_t row_bytes_ = 0;
  int width_ = 0;
  int height_ = 0;
  PixelMode mode_ = PixelMode::kRGB;
};

/// Decodes an encoded image (JPEG, PNG, WebP, TIFF, GIF, HEIF, BMP), first frame. Pixels and mode as Pillow gives them.
/// Throws Error(kInvalidDataFormat) when the bytes are no image or are damaged.
[[nodiscard]] Image decode_image(std::string_view bytes);
/// Encodes as "jpeg", "png" or "webp". `quality` 1-100 for lossy formats; -1: the format's default, as Pillow's.
[[nodiscard]] std::string encode_image(const Image& image, std::string_view format, int quality = -1);

}  // namespace intarsia
