// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "intarsia/error.h"
#include "intarsia/media.h"

namespace intarsia {
namespace {

struct ModeRow {
  PixelMode mode;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<ModeRow, 13> kModes{{{PixelMode::kBilevel, "1", 1},
                                          {PixelMode::kL, "L", 1},
                                          {PixelMode::kLA, "LA", 2},
                                          {PixelMode::kP, "P", 1},
                                          {PixelMode::kRGB, "RGB", 3},
                                          {PixelMode::kRGBA, "RGBA", 4},
                                          {PixelMode::kCMYK, "CMYK", 4},
                                          {PixelMode::kYCbCr, "YCbCr", 3},
                                          {PixelMode::kHSV, "HSV", 3},
                                          {PixelMode::kLAB, "LAB", 3},
                                          {PixelMode::kI, "I", 4},
                                          {PixelMode::kF, "F", 4},
                                          {PixelMode::kI16, "I;16", 2}}};

/// Kernels may read this many bytes past the last pixel.
constexpr std::size_t kSlack = 64;

const std::vector<std::uint8_t>& empty_bytes() {
  static const std::vector<std::uint8_t> empty;
  return empty;
}

}  // namespace

std::string_view mode_name(PixelMode mode) {
  return kModes[static_cast<std::size_t>(mode)].name;
}

PixelMode parse_mode(std::string_view name) {
  std::string known;
  for (const ModeRow& row : kModes) {
    if (row.name == name) return row.mode;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("image mode '{}' is not known; known modes: {}", name, known));
}

std::size_t bytes_per_pixel(PixelMode mode) {
  return kModes[static_cast<std::size_t>(mode)].bytes;
}

Image Image::uninitialized(PixelMode mode, int width, int height) {
  Image image;
  image.mode_ = mode;
  image.width_ = width;
  image.height_ = height;
  image.row_bytes_ = bytes_per_pixel(mode) * static_cast<std::size_t>(width);
  image.pixels_ = std::make_shared_for_overwrite<std::uint8_t[]>(image.byte_size() + kSlack);
  std::memset(image.pixels_.get() + image.byte_size(), 0, kSlack);
  return image;
}

Image::Image(PixelMode mode, int width, int height) : Image(uninitialized(mode, width, height)) {
  std::memset(pixels_.get(), 0, byte_size());
}

const std::vector<std::uint8_t>& Image::palette() const {
  return palette_ ? *palette_ : empty_bytes();
}

const std::vector<std::uint8_t>& Image::palette_alpha() const {
  return palette_alpha_ ? *palette_alpha_ : empty_bytes();
}

void Image::set_palette(std::vector<std::uint8_t> rgb_triples, std::vector<std::uint8_t> alpha) {
  palette_ = std::make_shared<const std::vector<std::uint8_t>>(std::move(rgb_triples));
  palette_alpha_ = alpha.empty() ? nullptr : std::make_shared<const std::vector<std::uint8_t>>(std::move(alpha));
}

bool Image::has_alpha() const noexcept {
  return mode_ == PixelMode::kLA || mode_ == PixelMode::kRGBA || palette_alpha_ != nullptr;
}

}  // namespace intarsia
