// SPDX-License-Identifier: Apache-2.0
// Numbers computed from pixels.
#include <cstring>

#include "function/define.h"
#include "function/image_arguments.h"
#include "media/convert.h"

namespace intarsia {
namespace {

const Type kImage(TypeKind::kImage);

Image grey(const Image& image) {
  return image.mode() == PixelMode::kL ? image : convert(image, PixelMode::kL);
}

double brightness(const Image& image) {
  const Image luma = grey(image);
  if (luma.width() == 0 || luma.height() == 0) throw CellFailure("ValueError", "brightness(): the image is empty");
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < luma.byte_size(); ++i) total += luma.data()[i];
  return static_cast<double>(total) / static_cast<double>(luma.byte_size());
}

/// The variance of the Laplacian [0 1 0; 1 -4 1; 0 1 0] over the inner pixels.
double sharpness(const Image& image) {
  const Image luma = grey(image);
  const int width = luma.width(), height = luma.height();
  if (width < 3 || height < 3) throw CellFailure("ValueError", "sharpness(): the image must be at least 3 x 3 pixels");
  std::int64_t sum = 0, squares = 0;
  for (int y = 1; y + 1 < height; ++y) {
    const std::uint8_t *above = luma.row(y - 1), *row = luma.row(y), *below = luma.row(y + 1);
    for (int x = 1; x + 1 < width; ++x) {
      const int laplacian = above[x] + below[x] + row[x - 1] + row[x + 1] - 4 * row[x];
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const double count = static_cast<double>(width - 2) * (height - 2);
  const double mean = static_cast<double>(sum) / count;
  return static_cast<double>(squares) / count - mean * mean;
}

std::vector<std::string> bands(PixelMode mode) {
  switch (mode) {
    case PixelMode::kRGB:
      return {"R", "G", "B"};
    case PixelMode::kRGBA:
      return {"R", "G", "B", "A"};
    case PixelMode::kLA:
      return {"L", "A"};
    case PixelMode::kCMYK:
      return {"C", "M", "Y", "K"};
    case PixelMode::kYCbCr:
      return {"Y", "Cb", "Cr"};
    case PixelMode::kHSV:
      return {"H", "S", "V"};
    case PixelMode::kLAB:
      return {"L", "A", "B"};
    default:
      return {std::string(mode_name(mode))};
  }
}

bool has_bytes(PixelMode mode) {
  return mode != PixelMode::kI && mode != PixelMode::kF && mode != PixelMode::kI16;
}

Image channel_of(const Image& image, std::int64_t channel) {
  const auto count = static_cast<std::int64_t>(bands(image.mode()).size());
  if (channel < 0 || channel >= count) throw CellFailure("ValueError", "band index out of range");
  if (count == 1) return image;
  Image result(PixelMode::kL, image.width(), image.height());
  for (int y = 0; y < image.height(); ++y) {
    const std::uint8_t* from = image.row(y) + channel;
    std::uint8_t* to = result.mutable_row(y);
    for (int x = 0; x < image.width(); ++x) to[x] = from[x * count];
  }
  return result;
}

JsonValue pixel_at(const Image& image, const JsonValue& xy) {
  auto [x, y] = int_list<2>(xy, "getpixel(): xy");
  if (x < 0) x += image.width();
  if (y < 0) y += image.height();
  if (x < 0 || x >= image.width() || y < 0 || y >= image.height())
    throw CellFailure("IndexError", "image index out of range");
  const std::uint8_t* at = image.row(y) + static_cast<std::size_t>(x) * bytes_per_pixel(image.mode());
  const auto read = [&]<typename T>(T value) {
    std::memcpy(&value, at, sizeof(T));
    return JsonValue(value);
  };
  if (image.mode() == PixelMode::kI) return read(std::int32_t{});
  if (image.mode() == PixelMode::kF) return read(float{});
  if (image.mode() == PixelMode::kI16) return read(std::uint16_t{});
  const std::size_t count = bands(image.mode()).size();
  return count == 1 ? JsonValue(at[0]) : JsonValue(std::vector<int>(at, at + count));
}

JsonValue histogram(const Image& image) {
  if (!has_bytes(image.mode()))
    throw CellFailure("ValueError", "histogram(): not defined for mode " + std::string(mode_name(image.mode())));
  const std::size_t count = bands(image.mode()).size();
  std::vector<std::int64_t> bins(count * 256);
  for (std::size_t i = 0; i < image.byte_size(); ++i) ++bins[i % count * 256 + image.data()[i]];
  return bins;
}

JsonValue extrema(const Image& image) {
  if (!has_bytes(image.mode()))
    throw CellFailure("ValueError", "getextrema(): not defined for mode " + std::string(mode_name(image.mode())));
  const std::size_t count = bands(image.mode()).size();
  std::vector<std::pair<int, int>> ranges(count, {255, 0});
  for (std::size_t i = 0; i < image.byte_size(); ++i) {
    auto& [low, high] = ranges[i % count];
    low = std::min<int>(low, image.data()[i]);
    high = std::max<int>(high, image.data()[i]);
  }
  if (count == 1) return JsonValue{ranges[0].first, ranges[0].second};
  JsonValue result = JsonValue::array();
  for (const auto& [low, high] : ranges) result.push_back(JsonValue{low, high});
  return result;
}

void define(Function function) {
  function.is_method = true;
  register_function(std::move(function));
}

}  // namespace

void register_image_statistics() {
  const Parameter self{"self", kImage};
  define(image_function("brightness", {self}, TypeKind::kFloat,
                        "The mean of the grey values, 0 (black) to 255 (white).", "t.img.brightness()",
                        scalar_kernel(brightness)));
  define(image_function("sharpness", {self}, TypeKind::kFloat,
                        "The variance of the Laplacian of the grey values: low for blurred images.",
                        "t.img.sharpness()", scalar_kernel(sharpness)));
  define(image_function("getbands", {self}, TypeKind::kJson, "The names of the channels: ['R', 'G', 'B'].",
                        "t.img.getbands()",
                        scalar_kernel([](const Image& image) { return JsonValue(bands(image.mode())); })));
  Function channel = image_function("getchannel", {self, {"channel", TypeKind::kInt}}, kImage,
                                    "One channel as a grey image.", "t.img.getchannel(0)", scalar_kernel(channel_of));
  channel.infer = [](std::span<const Type> types, std::span<const Value* const>) {
    return Type::image(types[0].width(), types[0].height(), PixelMode::kL, types[0].nullable());
  };
  define(std::move(channel));
  define(image_function("getpixel", {self, {"xy", TypeKind::kJson}}, TypeKind::kJson,
                        "The pixel at [x, y]: a number, or a list with one number per channel.",
                        "t.img.getpixel([0, 0])", scalar_kernel(pixel_at)));
  define(image_function("histogram", {self}, TypeKind::kJson,
                        "How many pixels have each value: 256 counts per channel, one channel after the other.",
                        "t.img.histogram()", scalar_kernel(histogram)));
  define(image_function("getextrema", {self}, TypeKind::kJson,
                        "[least, greatest] of a single channel, or a list of them.", "t.img.getextrema()",
                        scalar_kernel(extrema)));
}

}  // namespace intarsia
